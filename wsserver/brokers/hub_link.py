"""A worker's end of the way to the hub: the other workers, and the log of all of them, over one socket.

    chat --- append --> [ HubLink ] === Append ===>  hub
         <-- done ----              <== Outcome ===         numbers only: the texts are here
         <-- on_announced --        <== Appended ==         what other workers said

It lives as long as the process: when the hub is gone there is nobody to store anything, and `on_lost` is called once.
So nothing is ever interrupted or restored, and no batch has an outcome that is unknown to anybody who lives.

Read next: `hub_link_log.py`, the log; `hub.py`, the other end; `hub_wire.py`.
"""

from collections.abc import Callable, Sequence
from socket import SocketType
from typing import Any, Final

import msgspec
from msgspec import Raw

from wsserver.brokers.hub_link_log import NO_ANSWER, HubLinkLog
from wsserver.brokers.hub_wire import (
    GARBAGE,
    READ_SIZE,
    Announced,
    Answer,
    Answers,
    Appended,
    Asking,
    Binary,
    Close,
    Found,
    Frames,
    FromHub,
    FromWorker,
    Glanced,
    Gone,
    Goodbye,
    Hello,
    Moved,
    Open,
    Opened,
    Outcome,
    Refused,
    Trouble,
    decode_from_hub,
    encode,
    framed,
)
from wsserver.chat import broker
from wsserver.chat.broker import Asked, BrokerUnavailable, Move, Node
from wsserver.chat.vocabulary import MessageEvent
from wsserver.net.transport import Transport
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

QUEUE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes that wait for a hub that does not read, since it is stopped perhaps; above it binary messages and announcements
are dropped. Batches are bounded by the chat, moves are small."""

ASK_LIMIT_S: Final = 2.0
"""The hub answers within a second; twice that means that it is stopped."""

_decode_question: Final = msgspec.msgpack.Decoder(Asked).decode
_decode_value: Final = msgspec.msgpack.Decoder().decode


class HubLink:
    """A `Broker`; `log` is the `RemoteLog` of the same hub, and `log.passing` that of channels which need no disk."""

    def __init__(self, reactor: Reactor, sock: SocketType, node: str, on_lost: Callable[[], None]) -> None:
        """`sock` is connected, and ours from now on; `on_lost()`: the hub is gone, or has cut us off."""
        # configuration
        self.node = node
        self.log: Final = HubLinkLog(reactor, self._write)
        self._reactor = reactor
        self._on_lost = on_lost
        self._chat: Node | None = None
        # state
        self._over = False
        self._last = 0  # the number of the newest question
        self._asked: dict[int, tuple[broker.Answers, Timer]] = {}  # of the other workers
        self.dropped = 0  # what was not told, for too much waits
        self._opening: dict[str, list[Callable[[BrokerUnavailable | None], None]]] = {}
        self._opened: dict[str, Opened] = {}
        self._frames = Frames()
        sock.setblocking(False)
        self._transport = Transport(reactor, sock, "", -1)
        self._transport.on_bytes = self._on_bytes
        self._transport.read_size = READ_SIZE
        self._transport.start(self)
        self._handlers: dict[type, Callable[[Any], None]] = {
            Outcome: self.log.on_outcome,
            Refused: self.log.on_refused,
            Glanced: self._on_log_answer,
            Found: self._on_log_answer,
            Opened: self._on_opened,
            Appended: self._on_appended,
            Announced: self._on_announced,
            Binary: self._on_binary,
            Moved: self._on_moved,
            Asking: self._on_asking,
            Answers: self._on_answers,
            Gone: self._on_gone,
            Trouble: self._on_trouble,
        }

    def attach(self, node: Node) -> None:
        """Say who is told (`Broker.attach`); from now on the other workers may ask us."""
        self._chat = node
        self._say(Hello(self.node))

    # -- the broker -------------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> str | None:
        """Why nobody can be reached just now (`Broker.trouble`)."""
        return self.log.link_trouble

    def open(self, channel: str, done: Callable[[BrokerUnavailable | None], None]) -> None:
        """Hear of `channel` (`Broker.open`)."""
        self._opening.setdefault(channel, []).append(done)
        self._say(Open(channel))

    def close(self, channel: str) -> None:
        """Hear of `channel` no longer (`Broker.close`)."""
        self._opened.pop(channel, None)
        self._say(Close(channel))

    def number_of(self, channel: str) -> int | None:
        """Return what binary frames call `channel` on all workers; None when it is not open."""
        opened = self._opened.get(channel)
        return None if opened is None else opened.number

    def announce(self, channel: str, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Tell of messages that are in another log (`Broker.announce`)."""
        self._say_if_there_is_room(Announced(channel, epoch, list(messages)))

    def relay(self, channel: str, payload: bytes) -> None:
        """Tell something binary (`Broker.relay`)."""
        self._say_if_there_is_room(Binary(channel, payload))

    def presence(self, channel: str, user: str, move: Move) -> None:
        """Tell who came or went (`Broker.presence`)."""
        self._say(Moved(self.node, channel, user, move))

    def ask(self, question: Asked, done: broker.Answers) -> None:
        """Ask all other workers (`Broker.ask`)."""
        if self._over:
            done(BrokerUnavailable(NO_ANSWER))
            return
        self._last = number = self._last + 1
        timer = self._reactor.call_later(ASK_LIMIT_S, lambda: self._answered(number, []))
        self._asked[number] = done, timer
        self._say(Asking(number, Raw(encode(question))))

    def close_all(self) -> None:
        """Say goodbye, and let go of the link when that has left (`Broker.close_all`)."""
        if not self._over:
            self._say(Goodbye())
            self._end()
            self._transport.finish()

    # -- what the hub says ------------------------------------------------------------------------------------------

    def _on_bytes(self, data: bytes) -> None:
        try:
            items: list[FromHub] = [decode_from_hub(encoded) for encoded in self._frames.feed(data)]
        except GARBAGE as error:
            self._reactor.report(error)
            self._lose()
            return
        for item in items:
            if self._over:
                return
            try:
                self._handlers[type(item)](item)
            except Exception as error:  # a mistake of the chat's: what comes behind is no worse for it
                self._reactor.report(error)

    def _on_log_answer(self, item: Glanced | Found) -> None:
        self.log.finish(item.number, item)

    def _on_opened(self, item: Opened) -> None:
        waiting = self._opening.get(item.channel)
        if not waiting or self._chat is None:
            return
        done = waiting.pop(0)
        if not waiting:
            del self._opening[item.channel]
        self._opened[item.channel] = item
        self._chat.on_roster(item.channel, item.roster)
        done(None)

    def _on_appended(self, item: Appended) -> None:
        """Hand each channel its messages as one piece. (A channel that we have just closed is heard once more.)"""
        if self._chat is None:
            return
        by_channel: dict[str, list[MessageEvent]] = {}
        for message in item.messages:
            messages = by_channel.get(message.channel)
            if messages is None:
                by_channel[message.channel] = [message]
            else:
                messages.append(message)
        opened, tell = self._opened, self._chat.on_announced
        for channel, messages in by_channel.items():
            known = opened.get(channel)
            if known is not None:
                tell(channel, known.epoch, messages)

    def _on_announced(self, item: Announced) -> None:
        if self._chat is not None:
            self._chat.on_announced(item.channel, item.epoch, item.messages)

    def _on_binary(self, item: Binary) -> None:
        if self._chat is not None:
            self._chat.on_relayed(item.channel, item.payload)

    def _on_moved(self, item: Moved) -> None:
        if self._chat is not None:
            self._chat.on_presence(item.node, item.channel, item.user, item.move)

    def _on_asking(self, item: Asking) -> None:
        if self._chat is not None:
            value = self._chat.answer(_decode_question(item.question))
            self._say(Answer(item.number, Raw(encode(value))))

    def _on_answers(self, item: Answers) -> None:
        self._answered(item.number, [_decode_value(value) for value in item.values])

    def _answered(self, number: int, values: list[Any]) -> None:
        """Pass on the answers to a question, unless it was given up."""
        done, timer = self._asked.pop(number, (None, None))
        if done is not None and timer is not None:
            timer.cancel()
            done(values)

    def _on_gone(self, item: Gone) -> None:
        if self._chat is not None:
            self._chat.on_node_gone(item.node)

    def _on_trouble(self, item: Trouble) -> None:
        self.log.on_trouble(item.sentence)

    # -- the socket -------------------------------------------------------------------------------------------------

    def _say_if_there_is_room(self, item: Announced | Binary) -> None:
        if self._transport.queued > QUEUE_LIMIT:
            self.dropped += 1
        else:
            self._say(item)

    def _say(self, item: FromWorker) -> None:
        self._write(framed(item))

    def _write(self, frame: bytes) -> None:
        """Send a frame at the end of the turn. What waits is bounded by those who wait for answers."""
        if not self._over:
            self._transport.write_last(frame)

    def _lose(self) -> None:
        if not self._over:
            self._end()
            self._transport.close()
            self._on_lost()

    def _end(self) -> None:
        """Call back nobody any more."""
        self._over = True
        self.log.close()
        for _, timer in self._asked.values():
            timer.cancel()
        self._asked.clear()

    def on_eof(self) -> None:
        """The hub is gone."""
        self._lose()

    def on_lost(self, _error: OSError) -> None:
        """The hub is gone."""
        self._lose()

    def on_stuck(self, _reason: str) -> None:
        """The hub hangs."""
        self._lose()

    def on_buried(self) -> None:
        """The fd is closed."""

    def on_crash(self, error: Exception) -> None:
        """A mistake of ours: what we know may be wrong from now on."""
        self._lose()
