"""Pings to many at once: whoever is found silent in a turn gets its ping at the end of it, all of them the same frame.

A ping by way of each client's own queue costs 2 us more, for nearly nobody who is silent has anything waiting there.

Read next: `heartbeat.py`, which decides who gets one; `net/crowd.py`.
"""

from typing import Final

from wsserver.net.crowd import Wire, send_to_crowd
from wsserver.reactor.loop import Reactor
from wsserver.websocket.codes import PING
from wsserver.websocket.frames import encode_frame

EMPTY_PING: Final = encode_frame(PING, b"")


class Pings:
    """One for each server."""

    __slots__ = ("_reactor", "_wires")

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._wires: list[Wire] = []  # of those who get one in this turn

    def add(self, wire: Wire) -> None:
        """Ping whoever is at the other end, once for each call."""
        if not self._wires:
            self._reactor.at_end_of_turn(self._send)
        self._wires.append(wire)

    def _send(self) -> None:
        wires, self._wires = self._wires, []
        send_to_crowd(self._reactor, wires, EMPTY_PING)
