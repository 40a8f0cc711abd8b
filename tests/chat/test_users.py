"""Names of connections."""

import pytest

from tests.chat.fakes import FakePeer, World
from wsserver.chat.authority import Grant
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.errors import ChatError
from wsserver.chat.session import Session
from wsserver.chat.users import Users


def make() -> Session:
    return Session(FakePeer(), JsonCodec())


def test_the_first_name_that_a_connection_gives_is_its_name() -> None:
    world = World()
    client = world.connect()
    assert client.join("lobby", "ann")["users"] == ["ann"]
    assert client.join("other")["users"] == ["ann"]


def test_giving_the_same_name_again_is_fine_and_another_one_is_bad_message() -> None:
    client = World().connect("ann")
    assert client.join("other", "ann")["type"] == "joined"
    error = client.join("third", "bob", id=4)
    assert (error["code"], error["id"]) == ("bad_message", 4)
    assert "`user`" in error["message"]


def test_a_connection_that_gives_no_name_is_a_guest_with_four_characters_for_good() -> None:
    client = World().connect()
    (name,) = client.join("lobby")["users"]
    assert name.startswith("guest-")
    assert len(name) == len("guest-") + 4
    assert client.join("other")["users"] == [name]
    assert client.join("third", "ann")["code"] == "bad_message"


def test_a_bad_name_is_not_taken_and_a_good_one_may_follow() -> None:
    client = World().connect()
    assert "`user`" in client.join("lobby", "a*")["message"]
    assert client.join("lobby", "ann")["users"] == ["ann"]


def test_guests_do_not_get_a_name_that_somebody_has() -> None:
    draws = iter([b"\0\0\0\0", b"\0\0\0\0", b"\1\1\1\1"])
    users = Users(lambda _count: next(draws))
    assert [users.identify(make()), users.identify(make())] == ["guest-aaaa", "guest-bbbb"]


def test_when_chance_offers_nothing_else_a_guest_shares_a_name() -> None:
    users = Users(lambda count: bytes(count))
    assert [users.identify(make()) for _ in range(3)] == ["guest-aaaa"] * 3


def test_a_user_is_here_until_the_last_client_has_gone() -> None:
    users, one, other = Users(bytes), make(), make()
    users.identify(one, "ann")
    users.identify(other, "ann")
    assert len(users) == 1
    assert list(users.clients("ann")) == [one, other]
    users.forget(one)
    assert list(users.clients("ann")) == [other]
    users.forget(other)
    assert len(users) == 0
    assert not users.clients("ann")


def test_forgetting_a_session_without_a_name_does_nothing() -> None:
    users = Users(bytes)
    users.identify(make(), "ann")
    users.forget(make())
    assert len(users) == 1


def test_the_clients_of_several_users_come_once_each() -> None:
    users, ann, bob = Users(bytes), make(), make()
    users.identify(ann, "ann")
    users.identify(bob, "bob")
    assert users.clients_of_all(["bob", "nobody", "ann", "bob"]) == [bob, ann]


def test_a_session_has_one_name() -> None:
    users, session = Users(bytes), make()
    users.identify(session, "ann")
    with pytest.raises(ChatError):
        users.identify(session, "bob")
    assert session.user == "ann"


def test_a_name_that_a_token_gave_cannot_be_changed_and_the_error_says_so() -> None:
    users, session = Users(bytes), make()
    users.identify(session, "ann")
    session.grant = Grant("ann", 1)
    assert users.identify(session, "ann") == "ann"
    with pytest.raises(ChatError) as caught:
        users.identify(session, "bob")
    assert caught.value.code == "name_taken"
