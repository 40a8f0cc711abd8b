"""What is known of one client."""

import sys

import pytest

from tests.chat.fakes import FakePeer
from wsserver.chat.authority import Grant
from wsserver.chat.channels import Channel
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.errors import ChatError
from wsserver.chat.session import Session


def make() -> Session:
    return Session(FakePeer(), JsonCodec())


def test_an_idle_session_has_no_container_of_its_own() -> None:
    one, other = make(), make()
    assert one.channels is other.channels
    assert one.patterns is None
    assert not hasattr(one, "__dict__")
    assert sys.getsizeof(one) < 120


def test_entering_a_channel_is_no_business_of_other_sessions() -> None:
    one, other, channel = make(), make(), Channel("lobby", 1)
    one.enter(channel)
    assert one.member_of("lobby") is channel
    assert "lobby" not in other.channels


def test_after_the_last_exit_nothing_is_left() -> None:
    session, channel = make(), Channel("lobby", 1)
    session.enter(channel)
    session.exit(channel)
    session.exit(channel)
    assert session.channels is make().channels


@pytest.mark.parametrize(("name", "code"), [("lobby", "not_joined"), ("a*", "bad_channel"), ("", "bad_channel")])
def test_a_stranger_is_told_whether_the_name_or_the_membership_is_missing(name: str, code: str) -> None:
    with pytest.raises(ChatError) as caught:
        make().member_of(name)
    assert caught.value.code == code


def test_a_refusal_carries_the_id_of_the_error_before_the_one_of_the_command() -> None:
    session = make()
    session.refuse(ChatError("internal", "A sentence.", "inner"), "outer")
    session.refuse(ChatError("internal", "A sentence."), "outer")
    session.refuse(ChatError("internal", "A sentence.", 0), "outer")
    ids = [payload.split(b'"id":')[1] for _, payload in session.peer.sent]  # type: ignore[attr-defined]
    assert [id.split(b",")[0].rstrip(b"}") for id in ids] == [b'"inner"', b'"outer"', b"0"]


def test_asking_about_a_channel_beyond_the_token_is_forbidden() -> None:
    session = Session(FakePeer(), JsonCodec())
    session.grant = Grant("ann", 1, ("lobby",))
    codes = []
    for name in ("lobby", "other", "a*"):
        with pytest.raises(ChatError) as caught:
            session.member_of(name)
        codes.append(caught.value.code)
    assert codes == ["not_joined", "forbidden", "bad_channel"]


def test_sessions_in_one_channel_alone_share_what_says_so_also_after_they_were_in_two() -> None:
    one, other, lobby, office = make(), make(), Channel("lobby", 1), Channel("office", 2)
    one.enter(lobby)
    other.enter(office)
    other.enter(lobby)
    assert dict(other.channels) == {"office": office, "lobby": lobby} and dict(one.channels) == {"lobby": lobby}
    other.exit(office)
    assert one.channels is other.channels is lobby.alone
    one.exit(lobby)
    assert not one.channels and dict(other.channels) == {"lobby": lobby}
