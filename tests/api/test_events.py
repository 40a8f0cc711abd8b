"""Who may read a channel as a stream, and from where."""

import pytest

from tests.api.fakes import Office, branches
from wsserver.chat.authority import ChannelRule
from wsserver.http.errors import RequestError


def token(text):
    return ("Authorization", f"Bearer {text}")


@pytest.fixture
def office():
    return Office()


def test_a_stream_says_what_it_is_and_that_nobody_is_to_keep_it(office):
    headers = office.listen().headers
    assert headers["Content-Type"] == "text/event-stream"
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in headers


def test_a_channel_is_named_in_the_query(office):
    visit = office.listen("channel=a%2Fb+c")
    office.say("x", channel="a/b c")
    assert visit.read()[-1]["data"]["text"] == "x"


@pytest.mark.parametrize("query", ["", "channel=", "channel=bad%2A", "channel=+x", "channel=a&channel=b", "x=1"])
def test_a_missing_or_bad_channel_is_named(office, query):
    visit = office.listen(query)
    assert (visit.status, visit.json["field"]) == (400, "channel")


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [
        ("", [("Last-Event-ID", "{}:1")], 2),
        ("&last_event_id={}:2", [], 3),
        ("&last_event_id={}:2", [("Last-Event-ID", "{}:1")], 2),
        ("&last_event_id={}:1", [("Last-Event-ID", "")], 2),
    ],
)
def test_it_goes_on_where_the_reader_was_the_header_first(office, query, headers, first):
    office.say("a", "b", "c")
    named = [(name, value.format(office.epoch)) for name, value in headers]
    visit = office.listen("channel=lobby" + query.format(office.epoch), *named)
    assert visit.read()[0]["data"]["seq"] == first


@pytest.mark.parametrize("place", ["nonsense", "other:1", "{}:99", "{}:x"])
def test_a_place_that_the_channel_does_not_have_is_a_reset(office, place):
    office.say("a")
    visit = office.listen("channel=lobby", ("Last-Event-ID", place.format(office.epoch)))
    assert visit.read()[0]["event"] == "reset"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_events_are_only_read(office, method):
    visit = office.listen(method=method)
    assert (visit.status, visit.header("Allow")) == (405, "GET, HEAD, OPTIONS")


def test_head_tells_what_get_would_and_opens_nothing(office):
    visit = office.listen(method="HEAD")
    assert visit.headers["Content-Type"] == "text/event-stream"
    assert len(office.feeds) == 0


def test_a_store_that_is_not_there_is_told_before_anything_is_sent(office):
    office.world.store.broken = True
    visit = office.listen()
    assert (visit.status, visit.json["code"], visit.streaming) == (503, "store_unavailable", False)


# -- origins -----------------------------------------------------------------------------------------------------------


def only_example(request):
    if request.headers.get("origin") not in (None, "https://good.example"):
        raise RequestError(403, "Not from there.")


def test_pages_that_may_read_are_told_so_and_no_others(office):
    office.site.judge_origin = only_example
    headers = office.listen("channel=lobby", ("Origin", "https://good.example")).headers
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert "Access-Control-Allow-Credentials" not in headers
    with pytest.raises(RequestError):
        office.listen("channel=lobby", ("Origin", "https://evil.example"))
    assert len(office.feeds) == 1


def test_pages_that_may_read_may_read_refusals(office):
    visit = office.listen("", ("Origin", "https://good.example"))
    assert (visit.status, visit.header("Access-Control-Allow-Origin")) == (400, "https://good.example")


def test_pages_may_ask_before_they_send_a_token(office):
    office.site.judge_origin = only_example
    visit = office.listen("channel=lobby", ("Origin", "https://good.example"), method="OPTIONS")
    assert visit.status == 204
    assert "Authorization" in visit.header("Access-Control-Allow-Headers")
    assert visit.header("Access-Control-Allow-Origin") == "https://good.example"
    with pytest.raises(RequestError):
        office.listen("channel=lobby", ("Origin", "https://evil.example"), method="OPTIONS")


# -- tokens and rules --------------------------------------------------------------------------------------------------


def test_in_token_mode_a_token_is_asked_for():
    office = Office(token_mode=True)
    visit = office.listen()
    assert (visit.status, visit.header("WWW-Authenticate")) == (401, "Bearer")
    assert office.listen("channel=lobby", token("ann 60")).streaming
    assert office.world.doorman.asked == [("ann 60", "192.0.2.1:5000")]


def test_a_bad_token_is_refused_and_too_many_of_them_are_429():
    office = Office(token_mode=True)
    visit = office.listen("channel=lobby", token("ann 0"))
    assert (visit.status, visit.header("WWW-Authenticate")) == (401, "Bearer")
    assert "expired" in visit.json["error"]
    visit = office.listen("channel=lobby", token("flood 60"))
    assert (visit.status, visit.header("Retry-After")) == (429, "60")


def test_a_token_in_the_url_is_refused():
    with pytest.raises(RequestError):
        Office(token_mode=True).listen("channel=lobby&token=ann")


def test_a_token_reads_only_what_it_covers():
    office = Office(token_mode=True)
    assert office.listen("channel=news:art", token("ann 60 news:*")).streaming
    visit = office.listen("channel=lobby", token("ann 60 news:*"))
    assert (visit.status, visit.json["code"]) == (403, "forbidden")


def test_whoever_may_not_join_may_not_read():
    rules = {"lobby": ChannelRule(join=frozenset({"ann"})), "open": ChannelRule(send=frozenset())}
    office = Office(token_mode=True, rules=rules)
    assert office.listen("channel=lobby", token("ann 60")).streaming
    assert office.listen("channel=lobby", token("bob 60")).status == 403
    assert office.listen("channel=open", token("bob 60")).streaming


def test_in_open_mode_nobody_has_a_name_to_read_with():
    office = Office(rules={"lobby": ChannelRule(join=frozenset({"ann"}))})
    assert office.listen().status == 403
    assert office.listen("channel=other").streaming


def test_without_tokens_an_authorization_is_not_looked_at(office):
    assert office.listen("channel=lobby", token("whatever")).streaming


def test_a_stream_of_a_channel_that_is_open_on_another_node_begins_when_it_is_open_here():
    here, there = branches()
    ann = there.world.connect("ann")
    visit = here.listen()
    gone = here.listen()
    gone.over = True
    assert not visit.streaming
    here.world.sea.settle()
    assert visit.streaming
    assert not gone.streaming
    ann.say("message", channel="lobby", text="x")
    here.world.sea.settle()
    assert visit.read()[-1]["data"]["text"] == "x"


def test_a_stream_of_a_channel_that_cannot_be_opened_is_refused():
    here, _ = branches()
    here.world.log.trouble = "down"
    visit = here.listen()
    here.world.sea.settle()
    assert visit.status == 503
