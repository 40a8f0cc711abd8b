"""Hands a client that joins its first channel to the worker where that channel is at home (`homes.py`).

    join ---> is it the first thing, and is the channel at home elsewhere? ---- no ---> `Rooms.join`
                  \\-- yes: wait for the end of the turn, then hand the client over, with its `join`
                            \\-- it cannot leave as it stands, or is not taken ---> `Rooms.join`

It is asked once for each client: who has a channel, or has been handed over, stays where it is, so nobody is sent to
and fro; so does who has said anything else before, for an answer may be on its way to it here. A client notices
nothing; its session begins over there with what is known of it here: name and rights, if it has shown a token, and
nothing else yet.

Read next: `homes.py`; `clients/handoff.py`, what a client needs besides.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from wsserver.chat.audience import Audience
from wsserver.chat.authority import Grant
from wsserver.chat.errors import ChatError
from wsserver.chat.homes import Homes
from wsserver.chat.log import NotYet
from wsserver.chat.names import judge_channel
from wsserver.chat.session import Commands, Session
from wsserver.chat.vocabulary import Auth, Command, Join, Ping
from wsserver.chat.waiting import Waiting
from wsserver.clients.router import Peer, Surroundings


class Luggage(msgspec.Struct, array_like=True):
    """What the chat knows of a client that is handed over."""

    grant: Grant | None = None
    """What its token says."""


encode_luggage = msgspec.msgpack.Encoder().encode
decode_luggage = msgspec.msgpack.Decoder(Luggage).decode


class Elsewhere(NotYet):
    """The channel is at home in another worker. Whoever asks again is let in here."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self._waiting: list[Callable[[], None]] = []
        super().__init__(self._waiting.append)  # no method of ours: in a circle with us a client would outlive its move

    def stay(self) -> None:
        """Let whoever waits ask again."""
        for callback in self._waiting:
            callback()


class Moving:
    """Decides, and hands over."""

    def __init__(
        self,
        surroundings: Surroundings,
        homes: Homes,
        waiting: Waiting,
        everyone: Audience,
        forget: Callable[[Session], None],
    ) -> None:
        """`forget(session)` is called for each that has left: nothing of it may stay here, nor in `everyone`."""
        self._surroundings = surroundings
        self._homes = homes
        self._waiting = waiting
        self._everyone = everyone
        self._forget = forget

    def before(self, commands: Commands) -> Commands:
        """Return `commands` for who has said nothing yet. Its first word decides for good, tokens and pings aside."""
        first = {kind: partial(self._settle, commands, do) for kind, do in commands.items()}
        first[Join] = partial(self._judge, commands)
        return {**first, Auth: commands[Auth], Ping: commands[Ping]}

    def _settle(self, commands: Commands, do: Callable[[Session, Any], None], session: Session, said: Command) -> None:
        session.commands = commands
        do(session, said)

    def _judge(self, commands: Commands, session: Session, command: Join) -> None:
        """Carry out a `join` here. Raises Elsewhere if it is to be handed over with it, and what `join` does."""
        session.commands = commands
        judge_channel(command.channel)
        worker = self._homes.elsewhere(command.channel)
        if worker is not None:
            raise Elsewhere(worker)
        commands[Join](session, command)

    def begin(
        self, session: Session, payload: bytes, opcode: int, until: Elsewhere, again: Callable[[], None]
    ) -> None:
        """Let its `join` wait until the turn's input is heard, for more of it may have come, and hand it over then.

        `again()` carries the `join` out here: where there is no room to wait in, now.
        """
        try:
            self._waiting.hold(session, len(payload), again, until)
        except ChatError:
            again()
        else:
            self._surroundings.at_end_of_turn(partial(self._move, session, payload, opcode, until))

    def _move(self, session: Session, payload: bytes, opcode: int, until: Elsewhere) -> None:
        """Hand it over, unless it has said more meanwhile, or has gone: then that is answered here, in its order."""
        if session.waiting is None or len(session.waiting) != 1:
            until.stay()
            return
        peer: Peer = session.peer
        self._everyone.discard(session)  # first: it gets what it misses of broadcasts, and its count is its own again
        moved = False
        try:
            moved = peer.hand_off(until.worker, payload, opcode, encode_luggage(Luggage(session.grant)))
        finally:  # should that fail, it must not wait for ever
            if moved:
                self._waiting.drop(session)
                self._forget(session)
            else:
                self._everyone.add(session)
                until.stay()
