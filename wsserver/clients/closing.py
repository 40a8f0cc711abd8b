"""The end of one conversation: both Close frames, in whichever order they cross (RFC 6455 section 7.1).

| who starts                | states                        | our Close       | then                                  |
|---------------------------|-------------------------------|-----------------|---------------------------------------|
| the client sends Close    | CLOSING_CTS                   | echoes its code | gone as soon as it has left           |
| the server, or a deadline | CLOSING_STS, then CLOSING_STW | says why        | the client's Close is looked for      |
| the client broke a rule   | CLOSING_STS, then CLOSING_STW | says which      | nothing it sends is looked at: `deaf` |

An object of this class lives from the first Close to GONE, so that a client that is OPEN carries none of it.

Read next: `states.py` for the rows; `net/transport.py`, `finish`, for what happens to the socket afterwards.
"""

from typing import TYPE_CHECKING, Final

from wsserver.clients.states import Event, State
from wsserver.websocket.close import encode_close
from wsserver.websocket.parser import FrameParser

if TYPE_CHECKING:
    from wsserver.clients.client import Client

INPUT_LIMIT: Final = 1024 * 1024
"""Bytes we still read (and inflate) while closing, looking for the client's Close; then it is cut off."""


class Closing:
    """How one client's conversation ends. `code` and `reason` are those of the Close that started it."""

    __slots__ = ("_client", "_close_received", "_input", "_parser", "code", "deaf", "reason")

    def __init__(self, client: "Client", parser: FrameParser, code: int, reason: str, deaf: bool) -> None:
        self.code = code
        self.reason = reason
        self._client = client
        self._parser = parser
        self.deaf = deaf  # a rule was broken: what the peer sends has no meaning any more
        self._close_received = parser.close_received  # the peer's Close came before ours had left
        self._input = 0  # bytes that came meanwhile

    def send_close(self) -> None:
        """Queue our Close frame."""
        self._client.transport.write_last(encode_close(self.code, self.reason))

    def receive(self, data: bytes) -> None:
        """What comes now is only searched for the client's Close."""
        self._input += len(data)
        if self._input > INPUT_LIMIT:
            self._client.transport.close()
            self._client.on_lost(OSError("the client goes on sending after our Close"))
            return
        if self.deaf:
            return
        self._parser.feed(data)
        self._input += self._parser.inflated  # work, too, is input
        if self._parser.close_received:
            self._close_received = True
            if self._client.state is State.CLOSING_STW:
                self._client.step(Event.RECEIVE_CLOSE)
        elif self._parser.error is not None:
            self.deaf = True
            self._give_up_waiting()
        elif self._parser.more:
            self._client.receive_more_soon()

    def on_sent(self) -> None:
        """The last byte of our Close frame has left."""
        client = self._client
        client.transport.on_drained = None
        client.step(Event.SEND_CLOSE_SUCCEEDED)
        if client.state is State.CLOSING_STW:
            if self._close_received:
                client.step(Event.RECEIVE_CLOSE)
            elif client.transport.eof:
                self._give_up_waiting()

    def await_answer(self) -> None:
        """CLOSING_STW: a client that was cut off for a broken rule learns from our FIN that nobody listens."""
        if self.deaf:
            self._client.transport.shut_down_writing()

    def _give_up_waiting(self) -> None:
        if self._client.state is State.CLOSING_STW:
            self._client.step(Event.RECEIVE_CLOSE_FAILED)
