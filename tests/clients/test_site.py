"""What stands behind the paths, when nothing else is said."""

from wsserver.clients.site import Site
from wsserver.http.errors import RequestError


def nothing(_request):
    raise AssertionError("nobody asked for a page")


def test_unless_told_otherwise_everybody_may_knock_and_no_path_is_open_while_draining():
    site = Site(routers={}, pages={}, fallback=nothing)
    assert site.judge_host(None) is None
    assert site.judge_origin(None) is None
    assert site.open_paths == frozenset()
    assert not site.draining


def test_a_service_is_found_by_its_path_or_by_the_place_that_it_is_below():
    exact, below = object(), object()
    site = Site(routers={}, pages={}, fallback=nothing, services={"/a": exact, "/a/": below})
    assert site.find_service("/a") is exact
    assert site.find_service("/a/") is site.find_service("/a/b/c") is below
    assert [site.find_service(path) for path in ("/", "/ab", "/b/a/", "")] == [None] * 4


def test_unless_told_otherwise_a_refusal_is_answered_with_its_sentence():
    site = Site(routers={}, pages={}, fallback=nothing)
    answer = site.explain("/any", RequestError(403, "Not you.", (("Allow", "GET"),)))
    assert (answer.status, answer.body) == (403, b"Not you.\n")
    assert ("Allow", "GET") in answer.headers
