"""What the database forgets, in small steps: messages beyond what a channel keeps, ones that are too old, old keys.

A node cuts the channels it writes to, as they grow; a channel that somebody else is cutting is left for later. Now and
then one node goes through all channels, for those that grow no more: the database says whose turn it is.

Read next: `postgres_statements.py`, `trim` and `expire`; `postgres.py`.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Final

from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer
from wsserver.stores.postgres_link import Answer, Link, Parameters
from wsserver.stores.postgres_text import escape, join, unescape

PORTION: Final = 500
"""Messages that go at once: some milliseconds of the database, in which readers of this node wait."""

CHANNELS: Final = 50
"""Channels that are cut in one step; they share the portion."""

PAUSE_S: Final = 0.02
"""Between two steps: 25,000 messages a second keep up with any writing."""

LATER_S: Final = 1.0
"""A channel that somebody else is cutting, or a database that is not there, is asked again after so long."""

ROUND_S: Final = 60.0
"""Keys that are too old, and the first look whether it is our turn to go through all channels, wait so long."""

SWEEP_S: Final = 3600.0
"""All channels are gone through so often, or in a tenth of the age that messages may have."""

PAGE: Final = 200
"""Channels looked at in one step."""


class Upkeep:
    """Decides what is cut next. One question is on its way at a time."""

    def __init__(self, reactor: Reactor, link: Link, history_of: Callable[[str], int], age_s: float) -> None:
        """`age_s` is how old messages may become; 0: as old as they like."""
        # configuration
        self._reactor = reactor
        self._link = link
        self._history_of = history_of
        self._age_ms = round(age_s * 1000)
        self._sweep_s = min(SWEEP_S, max(ROUND_S, age_s / 10)) if age_s else SWEEP_S
        # state
        self._cut: dict[str, int] = {}  # channel: up to here nothing is known to be too much
        self._due: dict[str, None] = {}  # channels to cut, in that order
        self._last: str | None = None  # where the sweep is; None: there is none
        self._before_ms = 0  # what is older than that is too old
        self._busy = False
        self._closed = False
        self._timer: Timer = reactor.call_later(ROUND_S, self._round)
        self._step_timer: Timer | None = None

    def note(self, channel: str, seq: int) -> None:
        """`channel` has come to `seq` by our hand."""
        limit = self._cut.get(channel)
        if limit is None:
            # It may have been over its limit before we came: look once.
            limit = self._cut[channel] = 0
        if seq > limit:
            history = self._history_of(channel)
            self._cut[channel] = seq + max(1, history // 8)
            if seq > history and channel not in self._due:
                self._due[channel] = None
                self._wake(PAUSE_S)

    def close(self) -> None:
        """Do nothing more."""
        self._closed = True
        self._timer.cancel()
        if self._step_timer is not None:
            self._step_timer.cancel()

    # -- one step after the other -----------------------------------------------------------------------------------

    def _wake(self, delay_s: float) -> None:
        if self._step_timer is None and not self._closed:
            self._step_timer = self._reactor.call_later(delay_s, self._step)

    def _step(self) -> None:
        self._step_timer = None
        if self._busy:
            self._wake(PAUSE_S)
        elif not self._link.up:
            self._wake(LATER_S)
        elif self._due:
            self._cut_some(list(islice(self._due, CHANNELS)))
        elif self._last is not None:
            self._ask("channels", [escape(self._last).encode(), b"%d" % PAGE], self._on_channels)

    def _cut_some(self, channels: list[str]) -> None:
        for channel in channels:
            del self._due[channel]
        histories = ",".join([str(self._history_of(channel)) for channel in channels]).encode()
        portion = PORTION // len(channels)
        values = [join(channels), b"{%s}" % histories, b"%d" % self._before_ms, b"%d" % portion]
        self._ask("trim", values, partial(self._on_cut, channels, portion))

    def _ask(self, statement: str, values: Parameters, done: Callable[[Answer], None]) -> None:
        self._busy = True
        self._link.ask(statement, values, partial(self._on_answer, done))

    def _on_answer(self, done: Callable[[Answer], None], answer: Answer) -> None:
        self._busy = False
        if self._closed:
            return
        done(answer)
        if self._due or self._last is not None:
            self._wake(LATER_S if isinstance(answer, Exception) else PAUSE_S)

    def _on_cut(self, channels: list[str], portion: int, answer: Answer) -> None:
        for row, channel in enumerate(channels):
            if isinstance(answer, Exception) or int(answer.get_value(row, 0) or 0) >= portion:
                self._due[channel] = None  # there is more, or it is still there

    # -- all channels -----------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self._timer = self._reactor.call_later(ROUND_S, self._round)
        if not self._link.up or self._busy:
            return
        self._cut.clear()  # what was cut is looked at again as it grows; and channels that rest take no room here
        self._expire()

    def _expire(self) -> None:
        self._ask("expire", [b"%d" % PORTION], self._on_expired)

    def _on_expired(self, answer: Answer) -> None:
        if isinstance(answer, Exception):
            return
        if _number(answer) >= PORTION:
            self._expire()
        elif self._last is None:
            self._ask("sweep", [b"%f" % self._sweep_s], self._on_turn)

    def _on_turn(self, answer: Answer) -> None:
        if not isinstance(answer, Exception) and answer.ntuples:
            self._ask("now", [], self._on_time)

    def _on_time(self, answer: Answer) -> None:
        if not isinstance(answer, Exception):
            self._before_ms = _number(answer) - self._age_ms if self._age_ms else 0
            self._last = ""

    def _on_channels(self, answer: Answer) -> None:
        if isinstance(answer, Exception):
            return
        for row in range(answer.ntuples):
            name, seq, oldest = (answer.get_value(row, column) or b"" for column in range(3))
            self._last = unescape(name.decode())
            if int(seq) - int(oldest) + 1 > (0 if self._before_ms else self._history_of(self._last)):
                self._due[self._last] = None
        if answer.ntuples < PAGE:
            self._last = None


def _number(answer: Answer) -> int:
    assert not isinstance(answer, Exception)
    return int(answer.get_value(0, 0) or 0)
