"""Who calls, and which call it is."""

import pytest

from tests.api.fakes import AUTHORIZED, KEY, FakeVisit, Office, branches, request
from wsserver.api.service import split_path

PATHS = ("publish", "broadcast", "direct", "topics/publish", "disconnect")
LOOKS = ("channels", "channels/c/presence", "channels/c/history", "connections")


@pytest.fixture
def office():
    return Office()


@pytest.mark.parametrize("path", [*PATHS, *LOOKS, "", "nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_key_in_the_settings_there_is_no_api(path, method):
    visit = Office(key="").call(path, method=method, headers=(("Authorization", "Bearer "),))
    assert (visit.status, visit.json["code"]) == (404, "not_found")
    assert "api.key" in visit.json["error"]


@pytest.mark.parametrize("path", [*PATHS, *LOOKS, "", "nothing"])
@pytest.mark.parametrize("headers", [(), (("Authorization", "Bearer wrong"),)], ids=["no key", "a wrong key"])
def test_without_the_key_nobody_learns_which_paths_there_are(office, path, headers):
    visit = office.call(path, headers=headers)
    assert (visit.status, visit.json["code"]) == (401, "auth_required")
    assert visit.header("WWW-Authenticate") == "Bearer"


@pytest.mark.parametrize("path", ["", "nothing", "topics", "channels/c", "channels/c/more", "publish/", "/publish"])
def test_a_path_that_does_not_exist_is_404(office, path):
    visit = office.call(path)
    assert (visit.status, visit.json["code"]) == (404, "not_found")


def test_the_place_itself_is_no_call(office):
    visit = FakeVisit(request("/api", headers=(AUTHORIZED,)))
    office.api.serve(visit)
    assert visit.status == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_what_changes_something_is_posted(office, path, method):
    visit = office.call(path, method=method)
    assert (visit.status, visit.header("Allow")) == (405, "POST")


@pytest.mark.parametrize("path", LOOKS)
@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS"])
def test_what_changes_nothing_is_got(office, path, method):
    visit = office.call(path, method=method)
    assert (visit.status, visit.header("Allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", LOOKS)
def test_head_is_answered_as_get_is(office, path):
    assert office.call(path, method="HEAD").status == 200


def test_connections_are_listed_only_where_nobody_else_can_ask(office):
    office.api.private = False
    visit = office.call("connections")
    assert visit.status == 404
    assert "this machine" in visit.json["error"]


def test_a_channel_is_one_part_of_the_path_whatever_is_in_its_name(office):
    office.world.connect("ann", "a/b c?é")
    assert office.call("channels/a%2Fb%20c%3F%C3%A9/presence").json["count"] == 1
    assert office.call("channels/a/b%20c/presence").status == 404


def test_a_slash_in_one_part_does_not_make_two(office):
    assert office.call("topics%2Fpublish", {"topic": "t", "data": 1}).status == 404


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/api/channels", ("channels",)),
        ("/api/channels?limit=/5", ("channels",)),
        ("/api/channels/a%2Fb/presence", ("channels", "a/b", "presence")),
        ("/%61pi/channels", ("channels",)),
        ("http://host:80/api/channels?x", ("channels",)),
        ("/api/", ("",)),
        ("/api", ()),
    ],
)
def test_a_path_is_cut_before_it_is_decoded(target, parts):
    assert split_path(target) == parts


def test_too_many_wrong_keys_are_429_in_json():
    office = Office(bad_keys=1.0)
    wrong = (("Authorization", "Bearer wrong"),)
    assert [office.call("channels", headers=wrong).status for _ in range(2)] == [401, 429]
    visit = office.call("channels")
    assert (visit.status, visit.json["code"], visit.header("Retry-After")) == (429, "rate_limited", "60")
    assert KEY not in str(office.bad)


def test_a_client_that_went_while_something_was_asked_elsewhere_is_not_answered():
    here, _ = branches()
    visit = here.call("channels/den/history")
    visit.over = True
    here.world.sea.advance(0.1)
    assert visit.response is None


def test_what_cannot_be_read_elsewhere_is_refused_once():
    here, _ = branches()
    here.world.log.trouble = "down"
    assert here.hear_from("channels/den/history").status == 503
