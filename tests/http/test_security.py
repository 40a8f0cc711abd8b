from wsserver.http.security import DATA_HEADERS, page_headers


def policy(host):
    """Return the directives of the page's policy by name."""
    value = dict(page_headers(host))["Content-Security-Policy"]
    return dict(directive.split(" ", 1) for directive in value.split("; "))


def test_page_may_load_and_connect_to_nothing_but_us():
    assert policy("a.example:8080") == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self' ws://a.example:8080 wss://a.example:8080",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }


def test_hosts_that_a_policy_cannot_name_are_not_named():
    assert policy("[::1]:8080")["connect-src"] == "'self'"
    assert policy(None)["connect-src"] == "'self'"


def test_inline_and_evaluated_code_is_nowhere_allowed():
    assert "unsafe" not in str(page_headers("a")) + str(DATA_HEADERS)


def test_page_is_kept_apart_from_other_sites():
    assert (
        dict(page_headers("a")).items()
        >= {
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }.items()
    )


def test_data_that_is_opened_as_a_page_may_do_nothing():
    assert dict(DATA_HEADERS) == {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
