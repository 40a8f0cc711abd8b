"""Methods that clients call by name."""

import logging
from typing import Any

import pytest

from tests.chat.fakes import World
from wsserver.chat.errors import ChatError
from wsserver.chat.requests import Caller, Handler


def world_with(handler: Handler) -> World:
    world = World()
    world.router.requests.register("test", handler)
    return world


def test_a_method_of_the_embedding_program_gets_the_params_and_who_calls() -> None:
    calls: list[tuple[Caller, Any]] = []

    def handler(caller: Caller, params: Any) -> Any:
        calls.append((caller, params))
        return {"sum": params["a"] + params["b"]}

    client = world_with(handler).connect("ann")
    response = client.ask("request", method="test", params={"a": 1, "b": 2}, id="r")
    assert response == {"type": "response", "result": {"sum": 3}, "id": "r"}
    assert calls == [(Caller(client.peer.id, client.peer.address, "ann"), {"a": 1, "b": 2})]


def test_params_may_be_missing_and_the_result_may_be_null() -> None:
    client = world_with(lambda _caller, params: params).connect()
    assert client.ask("request", method="test", id=0) == {"type": "response", "result": None, "id": 0}


@pytest.mark.parametrize("method", ["dance", "", "register", "__class__"])
def test_a_method_that_nobody_registered_is_unknown(method: str) -> None:
    error = World().connect().ask("request", method=method, id=1)
    assert (error["code"], error["id"]) == ("unknown_method", 1)


def test_what_a_handler_raises_is_internal_to_the_client_and_a_trace_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = world_with(lambda _caller, _params: 1 / 0).connect()
    with caplog.at_level(logging.ERROR):
        error = client.ask("request", method="test", id=1)
    assert (error["code"], error["id"]) == ("internal", 1)
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in error["message"]
    assert client.ask("ping")["type"] == "pong"


@pytest.mark.parametrize("result", [object(), {1, 2, object()}, lambda: 0])
def test_a_result_that_json_cannot_write_is_internal(result: object) -> None:
    assert world_with(lambda _caller, _params: result).connect().ask("request", method="test")["code"] == "internal"


def test_a_handler_may_refuse_in_its_own_words() -> None:
    def handler(_caller: Caller, _params: Any) -> Any:
        raise ChatError("forbidden", "Not on Sundays.")

    error = world_with(handler).connect().ask("request", method="test", id=1)
    assert (error["code"], error["message"], error["id"]) == ("forbidden", "Not on Sundays.", 1)


def test_a_method_has_one_handler() -> None:
    world = World()
    with pytest.raises(ValueError, match="echo"):
        world.router.requests.register("echo", lambda _caller, params: params)
