"""Keeps the replicas of a node true: delivers in order, reads what is missing, begins anew where the log has changed.

    own messages, announced ones -> hear --> end of turn: deliver, then acks
                                       \\-> missing: wait a moment, read ---> deliver
                                       \\-> contradicted: look at the log --> the same: go on
                                                                          \\-> another: everybody is given a new start

A gap is usually closed by the broker in a millisecond: messages of two nodes have crossed. One that stays is read. What
cannot be read, because the log keeps nothing or no longer, ends in a new start too: nobody takes a part for the whole.

Read next: `replica.py`, which knows the order; `copies.py`, which opens and closes.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from wsserver.chat.audience import are_strangers
from wsserver.chat.copies import EARLY, Copies, Copy
from wsserver.chat.errands import ABREAST, Errands
from wsserver.chat.history import PAGE_LIMIT
from wsserver.chat.log import StoreUnavailable
from wsserver.chat.remote_log import Glance
from wsserver.chat.replica import OPENING, Replica, agrees
from wsserver.chat.share import Share
from wsserver.chat.tails import Tails
from wsserver.chat.vocabulary import MessageEvent
from wsserver.clients.router import Peer, Surroundings

GAP_S: Final = 0.02
"""What is missing has so long to come by itself: ten times what a broker in the same building takes."""

PASSING_GAP_S: Final = 1.0
"""The same where nothing can be read afterwards: patience is all there is."""

ACK_S: Final = 1.0
"""So long an ack waits for its message to be delivered here. The log has it; who said it need not wait for ever."""

LOOK_S: Final = 1.0
"""Between two looks at the log of one channel: a node that talks nonsense must not make us ask all the time."""

SLACK_S: Final = 1e-6
"""A timer may come early by a rounding error of the clock."""

AT_ONCE: Final = 50
TICK_S: Final = 0.005
"""So many channels are looked at in one turn, so long after the last ones, when all are: half a millisecond in five."""

LOG_S: Final = 10.0
"""A log that comes back empty gives every channel a new start; one line says so."""

PAUSE_S: Final = 0.25
PAUSE_MOST_S: Final = 5.0
"""Before a failed question is put again, doubled each time."""


_logger: Final = logging.getLogger(__name__)


class Keeper:
    """Does so for all of them."""

    def __init__(
        self, surroundings: Surroundings, copies: Copies, errands: Errands, on_anew: Callable[[Copy], None]
    ) -> None:
        """`on_anew(copy)` gives everybody who hears a channel a new start."""
        self._surroundings = surroundings
        self._copies = copies
        self._errands = errands
        self._on_anew = on_anew
        self._dirty: dict[Copy, None] = {}
        self._row: deque[Copy] = deque()  # what is to be looked at, a few at a time
        self.tails = Tails()
        self.gaps_filled = 0
        self.new_starts = 0
        self._logged_at = -LOG_S

    # -- what comes ---------------------------------------------------------------------------------------------------

    def hear(self, copy: Copy, epoch: str, messages: Sequence[MessageEvent]) -> None:
        """Take what is in the log; `epoch` "": unknown."""
        replica = copy.replica
        if replica is None:
            if len(copy.early) < EARLY:
                copy.early.append((epoch, list(messages)))
            else:
                copy.doubtful = True
        elif (epoch and epoch != replica.epoch) or not replica.hear(messages):
            self.doubt(copy)
        else:
            self._mark(copy, replica)

    def bring(self, copy: Copy, share: Share, now: float) -> None:
        """Take what this node has stored, and conclude it when it has been delivered here, or after a second."""
        messages = share.messages
        if copy.replica is None or not copy.replica.follow(messages):
            self.hear(copy, "", messages)
        if copy.replica is None or not messages:
            share.conclude()
        else:
            copy.due.append((messages[-1].seq, now, share))
            self._dirty_now(copy)

    def doubt(self, copy: Copy) -> None:
        """Look at the log, soon: something does not fit, or was missed."""
        copy.doubtful = True
        if copy.replica is not None:
            self._watch(copy, copy.replica)

    def doubt_all(self) -> None:
        """Look at the log of every channel: a link is back. They take turns with everything else that is asked."""
        idle = not self._row
        self._row = deque(self._copies.values())
        if idle:
            self._doubt_some()

    def _doubt_some(self) -> None:
        for _ in range(AT_ONCE if len(self._errands) < ABREAST else 0):
            if not self._row:
                return
            copy = self._row.popleft()
            if not copy.gone:
                self.doubt(copy)
        if self._row:
            self._surroundings.call_later(TICK_S, self._doubt_some)

    def reach(self, copy: Copy, replica: Replica, seq: int) -> None:
        """Return when all up to `seq` was delivered here, or there is no such message.

        Raises NotYet while the log is being asked, and StoreUnavailable.
        """
        if seq <= replica.seq:
            return
        if copy.pause_s:
            raise StoreUnavailable("the log cannot be asked just now")
        not_yet = copy.sought.ask(seq, self._surroundings.monotonic())
        if not_yet is not None:
            self.doubt(copy)
            raise not_yet

    # -- deliveries ---------------------------------------------------------------------------------------------------

    def _mark(self, copy: Copy, replica: Replica) -> None:
        if replica.ready:
            self._dirty_now(copy)
        if replica.gap is not None:
            self._watch(copy, replica)

    def _dirty_now(self, copy: Copy) -> None:
        if not self._dirty:
            self._surroundings.at_end_of_turn(self._deliver_all)
        self._dirty[copy] = None

    def _deliver_all(self) -> None:
        """Give each channel its messages of this turn as one piece. One that fails keeps no other from its own."""
        dirty, self._dirty = self._dirty, {}
        failure: Exception | None = None
        at_once = are_strangers([copy.channel.audience for copy in dirty])
        for copy in dirty:
            try:
                self._deliver(copy, at_once)
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    def _deliver(self, copy: Copy, at_once: bool) -> None:
        replica = copy.replica
        if replica is None:
            return
        messages = replica.take()
        try:
            if messages:
                self.tails.count(replica)
                channel = copy.channel
                answered = _answered(copy, replica.seq) if at_once and copy.due else ()
                channel.audience.deliver(messages, self._surroundings, channel.stream, at_once, answered)
                if channel.listener is not None:
                    channel.listener.hear(messages)
        finally:
            self._settle(copy, replica.seq)

    def _settle(self, copy: Copy, seq: int) -> None:
        """Tell who waits for a delivery up to `seq`, or has waited for too long."""
        copy.sought.reach(seq)
        due = copy.due
        while due and due[0][0] <= seq:
            due.popleft()[2].conclude()
        if not due:
            return
        late = self._surroundings.monotonic() - ACK_S
        while due and due[0][1] <= late:
            due.popleft()[2].conclude()
        if due and copy.ack_timer is None:
            delay_s = max(0.0, due[0][1] - late)
            copy.ack_timer = self._surroundings.call_later(delay_s, partial(self._give_up, copy))

    # -- what is missing ----------------------------------------------------------------------------------------------

    def _watch(self, copy: Copy, replica: Replica) -> None:
        """See to it that something is done about what is missing."""
        if copy.timer is not None or copy.asking or copy.gone:
            return
        if copy.pause_s:
            delay_s = copy.pause_s
        elif copy.doubtful:
            delay_s = max(0.0, copy.looked_at + LOOK_S - self._surroundings.monotonic())
        elif replica.gap is not None:
            delay_s = GAP_S if replica.readable else PASSING_GAP_S
        else:
            return
        copy.timer = self._surroundings.call_later(delay_s, partial(self._mend, copy))

    def _mend(self, copy: Copy) -> None:
        copy.timer = None
        replica = copy.replica
        if replica is None or copy.asking:
            return
        gap = replica.gap
        if gap is not None and not replica.readable:
            self._look(copy, replica, gap[0])
        elif copy.doubtful and self._surroundings.monotonic() >= copy.looked_at + LOOK_S - SLACK_S:
            self._look(copy, replica, None)
        elif gap is not None:
            copy.asking = True
            first, last = gap[0], min(gap[1], gap[0] + PAGE_LIMIT - 1)
            read = partial(copy.remote.read, copy.channel.name, first, last)
            self._errands.ask(read, partial(self._filled, copy, replica, first))
        else:
            self._watch(copy, replica)

    def _give_up(self, copy: Copy) -> None:
        copy.ack_timer = None
        if copy.replica is not None:
            self._settle(copy, copy.replica.seq)

    def _filled(self, copy: Copy, replica: Replica, first: int, outcome: list[MessageEvent] | Exception) -> None:
        """The log has told what was missing from `first` on."""
        copy.asking = False
        if copy.gone or copy.replica is not replica:
            return
        if isinstance(outcome, Exception):
            self._pause(copy, outcome)
            return
        copy.pause_s = 0.0
        if not replica.hear(outcome):
            copy.doubtful = True
        if replica.end < first:
            self._look(copy, replica, first)  # it was dropped already, or never was
            return
        self.gaps_filled += 1
        self._mark(copy, replica)
        if len(outcome) == PAGE_LIMIT:
            self._mend_now(copy)
        else:
            self._watch(copy, replica)

    def _look(self, copy: Copy, replica: Replica, hole: int | None) -> None:
        """Ask where the log stands; `hole` is a message that cannot be read."""
        copy.asking, copy.doubtful = True, False
        copy.sought.begin()
        look = partial(copy.remote.glance, copy.channel.name, OPENING)
        self._errands.ask(look, partial(self._looked, copy, replica, replica.seq, hole))

    def _looked(self, copy: Copy, replica: Replica, seq: int, hole: int | None, outcome: Glance | Exception) -> None:
        """The log has told where it stands; when it was asked, `seq` was delivered here, and `hole` was missing."""
        copy.asking = False
        if copy.gone or copy.replica is not replica:
            return
        if isinstance(outcome, Exception):
            copy.doubtful = True
            self._pause(copy, outcome)
            return
        copy.pause_s = 0.0
        copy.looked_at = self._surroundings.monotonic()
        head = outcome.head
        if not agrees(replica, head, outcome.messages, seq):
            self._begin_anew(copy, outcome)
            return
        replica.lose_before(head.oldest)
        if hole is not None and replica.end < hole:
            if head.seq >= hole:
                self._begin_anew(copy, outcome)
                return
            replica.doubt(head.seq)
        replica.know(head.seq)
        copy.sought.answer(head.seq, copy.looked_at)
        copy.doubtful |= copy.sought.is_beyond(head.seq)  # asked for while the log was being asked
        self._mark(copy, replica)
        if replica.gap is not None and replica.readable:
            self._mend_now(copy)
        else:
            self._watch(copy, replica)

    def _mend_now(self, copy: Copy) -> None:
        if copy.timer is not None:
            copy.timer.cancel()
        self._mend(copy)

    def _pause(self, copy: Copy, failure: Exception) -> None:
        """Try again later, and later each time."""
        copy.sought.fail(str(failure), self._surroundings.monotonic())
        copy.pause_s = min(max(PAUSE_S, copy.pause_s * 2), PAUSE_MOST_S)
        if copy.replica is not None:
            self._watch(copy, copy.replica)

    def _begin_anew(self, copy: Copy, glance: Glance) -> None:
        """The log is another one, or has lost what we had not read: nobody here can go on from where he was."""
        assert copy.replica is not None
        self._deliver(copy, at_once=False)
        self.new_starts += 1
        copy.begun = self.new_starts
        self._log_new_start(copy.channel.name)
        self.tails.forget(copy.replica)
        copy.replica = copy.replica.anew(glance.head, glance.messages)
        self.tails.count(copy.replica)
        copy.doubtful = False
        waiters = copy.pages.drop()
        while copy.due:
            copy.due.popleft()[2].conclude()
        self._on_anew(copy)
        copy.sought.drop()
        for waiter in waiters:
            waiter()

    def _log_new_start(self, channel: str) -> None:
        """Write it to the log, once for all channels that this happens to in one moment."""
        now = self._surroundings.monotonic()
        if now >= self._logged_at + LOG_S:
            self._logged_at = now
            _logger.warning("the log of %r, and maybe of others, is not the one it was: members begin anew", channel)

    # -- coming and going ---------------------------------------------------------------------------------------------

    def begin(self, copy: Copy) -> None:
        """A replica is open: what was announced meanwhile lies behind it, or was in it."""
        if copy.replica is not None:
            self.tails.count(copy.replica)
        early, copy.early = copy.early, []
        for epoch, messages in early:
            self.hear(copy, epoch, messages)
        if copy.doubtful and copy.replica is not None:
            self._watch(copy, copy.replica)

    def end(self, copy: Copy) -> None:
        """It is let go: whoever waits for a delivery here waits for nothing."""
        copy.sought.drop()
        self._dirty.pop(copy, None)
        if copy.replica is not None:
            self.tails.forget(copy.replica)
        while copy.due:
            copy.due.popleft()[2].conclude()


def _answered(copy: Copy, seq: int) -> set[Peer]:
    """Return who is sent an ack as well when everything up to `seq` is delivered."""
    return {peer for last, _, share in copy.due if last <= seq and share.acks for peer in share.peers}
