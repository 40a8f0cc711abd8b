"""One non-blocking socket: partial reads and writes, half-close, reset, and a queue that is flushed once a turn.

It moves bytes and never looks at them. Everything it has to say goes to its `owner`; where bytes go is `on_bytes`,
which the owner swaps when it enters a new state, so that no `if state` runs per read.

    kernel -> on_events -> on_bytes(data)          write(frame) -> outbox -> [end of turn] flush -> kernel
                        -> owner.on_lost(error)                           -> on_drained()   when the last byte left
                                                                          -> owner.on_stuck(reason)   when it won't

Facts, and what they mean here:
  - `send` may take a part. The rest waits for WRITE; until then nothing is tried, and reading stops once more than
    READ_PAUSE bytes wait: whoever does not read our answers gets no new ones.
  - A failed `send` happens in the middle of somebody's broadcast. So losses and overflows are reported in the next
    turn, when nobody iterates over members.
  - Closing a socket with unread input can destroy what was sent last. So `finish` hands over to `farewell.py`.
  - With no interest registered the kernel still reports errors and hang-ups, for ever. They end the transport; but a
    hang-up waits while the owner still has input to deal with, for there is more of it in the kernel.

Read next: `outbox.py`; then `clients/client.py`, the owner.
"""

import os
from collections.abc import Callable
from socket import SHUT_WR, SO_ERROR, SOL_SOCKET, SocketType
from typing import Final

from wsserver.net.crowd import Wire
from wsserver.net.farewell import Farewell
from wsserver.net.outbox import CLOSE, ENTRY_OVERHEAD, GATHER_LIMIT, Outbox, Replacing
from wsserver.net.owner import OVERFLOW, STALLED, Owner
from wsserver.net.traffic import UNKNOWN, traffic_of
from wsserver.reactor.loop import Reactor
from wsserver.reactor.poller import ERROR, HANGUP, READ, WRITE
from wsserver.reactor.timers import Timer

READ_SIZE: Final = 64 * 1024
"""Bytes read in one wake-up, unless `read_size` says less: a client that saturates its link waits for its next turn."""

READ_PAUSE: Final = 64 * 1024
"""Bytes waiting to be sent above which we stop reading from the same client."""

STALL_LIMIT_S: Final = 30.0
STALL_BYTES: Final = 64 * 1024
"""In so long the kernel must take so much of a blocked queue, or all that waited when that time began: 2 KiB a second,
which the slowest mobile links bring. A reader of a byte now and then would otherwise keep a full queue for days."""

PAUSE_S: Final = STALL_LIMIT_S / 2
"""A deadline that is noticed so late was missed by us, not by the peer: the process was stopped, or had no CPU."""


REPLACE_FROM: Final = 16
"""Frames waiting from which on pongs replace one another: the conformance suite sends ten pings at once and wants ten
pongs; a peer that floods us and does not read gets one."""


class Transport(Outbox):
    """A connected socket and its queue: an Outbox that sends itself, which saves each client an object and a hop."""

    __slots__ = (
        "_blocked", "_held", "_interest", "_noted", "_owed", "_timer", "address", "closed", "eof", "fd", "limit",
        "moved", "on_bytes", "on_drained", "owner", "policy", "progress_at", "reactor", "read_size", "sock", "traffic",
        "wire",
    )  # fmt: skip

    def __init__(self, reactor: Reactor, sock: SocketType, address: str, limit: int, policy: str = CLOSE) -> None:
        super().__init__()
        # configuration
        self.reactor = reactor
        self.sock = sock  # connected and non-blocking
        self.wire: Wire = sock.send  # kept, because looking it up is a tenth of using it; and see `crowd.py`
        self.fd = sock.fileno()
        self.address = address  # of the peer, for people
        self.limit = limit  # bytes that may wait in the outbox; -1: take nothing more
        self.policy = policy  # what to do above that (outbox.QUEUE_POLICIES)
        self.read_size = READ_SIZE
        self.owner: Owner | None = None
        self.on_bytes: Callable[[bytes], None] = _ignore  # where what is read goes
        self.on_drained: Callable[[], None] | None = None  # called each time the outbox has become empty
        # state
        self.closed = False  # no more I/O; burial comes at the end of the turn
        self.moved = False  # another process has the socket now
        self._interest = READ  # what the poller was told
        self._held = False  # the owner has enough input for now
        self.eof = False  # the peer will send nothing more
        self._blocked = False  # the kernel takes no more; waiting for WRITE
        self._noted: OSError | str | None = None  # a loss or an overflow that waits to be reported
        self._owed = 0  # bytes that have to leave before the timer fires, if the queue is blocked until then
        self._timer: Timer | None = None  # of a queue that may have stalled
        # statistics
        self.progress_at = 0.0  # when a blocked queue last moved, which is a sign of life too
        self.traffic = UNKNOWN  # bytes that came and bytes that were acknowledged, once it is buried

    def start(self, owner: Owner) -> None:
        """Begin to listen to the socket."""
        self.owner = owner
        self.reactor.watch(self.fd, READ, self)

    # -- receiving --------------------------------------------------------------------------------------------------

    def on_events(self, mask: int) -> None:
        """The kernel's news. Input first, also beside a hang-up: what was sent before it counts."""
        if mask & READ and self._interest & READ:
            try:
                data = self.sock.recv(self.read_size)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._lose(error)
                return
            if data:
                self.on_bytes(data)
                if self._blocked:
                    self._settle_interest()  # what was just answered may be more than the peer reads
            else:
                self._on_eof()
        elif mask & HANGUP and not mask & ERROR and (self._held or self._interest & READ):
            mask |= WRITE if self._blocked else 0  # input is left and waits; stuck output learns its fate by a send
        elif mask & (ERROR | HANGUP):
            self._lose(self._pending_error())
        if mask & WRITE:
            self.flush()

    def hold(self) -> None:
        """Read nothing until `release`: the kernel's buffer fills, and the peer has to wait."""
        self._held = True
        self._settle_interest()

    def release(self) -> None:
        """Read again."""
        self._held = False
        self._settle_interest()

    def _on_eof(self) -> None:
        self.eof = True
        self._settle_interest()  # a level-triggered end of file would be reported for ever
        if self.owner is not None:
            self.owner.on_eof()

    def _pending_error(self) -> OSError:
        number = self.sock.getsockopt(SOL_SOCKET, SO_ERROR)
        return OSError(number, os.strerror(number) if number else "the peer hung up")

    # -- sending ----------------------------------------------------------------------------------------------------

    def write(self, frame: bytes) -> None:
        """Queue a frame, within the limit; it leaves at the end of the turn."""
        queued = self.queued + len(frame) + ENTRY_OVERHEAD
        if queued > self.limit:
            if not self._make_room(frame):
                return
            queued = self.queued + len(frame) + ENTRY_OVERHEAD
        if not self.frames:
            self.reactor.dirty.append(self)
        self.frames.append(frame)  # Outbox.append, written out: this runs for every answer
        self.queued = queued

    def write_replacing(self, frame: Replacing) -> None:
        """Queue a frame of which only the latest has to arrive, once REPLACE_FROM frames or a blocked peer say so."""
        if self.frames and (self._blocked or len(self.frames) >= REPLACE_FROM):
            self.drop_replaced()
        self.write(frame)

    def take_back(self, frame: bytes, count: int) -> None:
        """Queue what is left of a frame of which `count` bytes were sent past the queue (`crowd.py`)."""
        self.append(frame)
        self.sent(count)
        self._block(count)

    def write_last(self, data: bytes) -> None:
        """Queue bytes whatever the limit: answers that are bounded elsewhere, and last words."""
        if self.closed:
            return
        if not self.frames:
            self.reactor.dirty.append(self)
        self.append(data)

    def _make_room(self, frame: bytes) -> bool:
        """The limit is reached: send what the kernel takes, then let the policy decide. -> may `frame` be queued?

        A single frame may be larger than the limit: it only has to find the queue empty.
        """
        if self.limit < 0:
            return False
        if not self._blocked:
            self.flush()
        if not self.frames or self.queued + len(frame) + ENTRY_OVERHEAD <= self.limit:
            return self._noted is None
        before = self._unsent()
        fits = self.make_room(self.policy, frame, self.limit)
        self._owed -= before - self._unsent()
        if fits:
            return True
        self.note(OVERFLOW)
        return False

    def flush(self) -> None:
        """Send what is queued, as far as the kernel takes it. Called once a turn, and when WRITE is reported.

        One or a few small frames, all of them taken by the kernel, is what nearly every call meets: no call but `send`.
        """
        frames = self.frames
        if self.queued > GATHER_LIMIT or self.head_sent:
            self._flush_long_queue()
            return
        if not frames:
            return
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        try:
            count = self.wire(data)
        except (BlockingIOError, InterruptedError):
            self._block(0)
            return
        except OSError as error:
            self.note(error)
            return
        if count < len(data):
            self.sent(count)
            self._block(count)
            return
        self.queued = 0
        frames.clear()
        if self._blocked or self.on_drained is not None:
            self._emptied()

    def _flush_long_queue(self) -> None:
        """Send a queue that does not fit one send, or whose first frame was cut by the one before."""
        while self.frames:
            data = self.gather()
            try:
                count = self.wire(data)
            except (BlockingIOError, InterruptedError):
                count = 0
            except OSError as error:
                self.note(error)
                return
            self.sent(count)
            if count < len(data):
                self._block(count)
                return
        if self._blocked or self.on_drained is not None:
            self._emptied()

    def _emptied(self) -> None:
        """The last byte of the queue has left."""
        if self._blocked:
            self._unblock()
        if self.on_drained is not None:
            self.on_drained()

    def _block(self, count: int) -> None:
        """The kernel is full: wait for WRITE. `count` bytes were taken before it was."""
        if count or not self._blocked:
            self.progress_at = self.reactor.now
        self._blocked = True
        blocked = self.reactor.blocked
        if not blocked:
            self.reactor.on_blocked()
        blocked.add(self.wire)
        if self._timer is None:
            self._watch_progress()
        self._settle_interest()

    def _unblock(self) -> None:
        self._blocked = False
        self.reactor.blocked.discard(self.wire)
        self.progress_at = self.reactor.now
        self._cancel_timer()
        self._settle_interest()

    def sent(self, count: int) -> None:
        """Take note that `count` bytes have left (`Outbox.sent`)."""
        self._owed -= count
        super().sent(count)

    def _unsent(self) -> int:
        return self.queued - ENTRY_OVERHEAD * len(self.frames) - self.head_sent

    def _watch_progress(self) -> None:
        """Give what waits now, as far as it is owed, STALL_LIMIT_S to leave."""
        self._owed = min(self._unsent(), STALL_BYTES)
        self._timer = self.reactor.call_later(STALL_LIMIT_S, self._on_stall_timer)

    def _on_stall_timer(self) -> None:
        """Judge a blocked queue. Timers come before events, so after a pause of ours it is tried once more first."""
        assert self._timer is not None
        late_s = self.reactor.now - self._timer.when
        self.flush()
        if not self._blocked or self.closed:
            return
        self._timer = None
        if self._owed > 0 and late_s < PAUSE_S:
            self.note(STALLED)
        else:
            self._watch_progress()

    @property
    def behind(self) -> bool:
        """So much waits for a peer that does not read that nothing more is read of it."""
        return self._blocked and self.queued > READ_PAUSE

    def _settle_interest(self) -> None:
        """Make what the poller watches equal to what we want."""
        reads = not (self._held or self.eof or self.behind)
        wanted = (READ if reads else 0) | (WRITE if self._blocked else 0)
        if wanted != self._interest and not self.closed:
            self._interest = wanted
            self.reactor.poller.modify(self.fd, wanted)

    # -- trouble ----------------------------------------------------------------------------------------------------

    def note(self, trouble: OSError | str) -> None:
        """Remember trouble that was met while sending, to report it when nobody iterates over members."""
        if self._noted is None and not self.closed:
            self._noted = trouble
            self.limit = -1
            self.reactor.call_soon(self._report)

    def _report(self) -> None:
        if isinstance(self._noted, OSError):
            self._lose(self._noted)
        elif self._noted is not None and not self.closed and self.owner is not None:
            self.owner.on_stuck(self._noted)

    def _lose(self, error: OSError) -> None:
        if self.closed:
            return
        self.close()
        if self.owner is not None:
            self.owner.on_lost(error)

    def on_crash(self, error: Exception) -> None:
        """Pass an exception of ours on to the owner; without one there is nothing left to save."""
        if self.closed or self.owner is None:
            self.close()
        else:
            self.owner.on_crash(error)

    # -- ending -----------------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing waits to be sent, nobody waits for anything, and nothing has happened that is not reported yet."""
        return not (self.frames or self._blocked or self._held or self.eof or self.closed or self._noted)

    def hand_over(self) -> None:
        """Another process has the socket, and counts its bytes: close our descriptor at the end of the turn."""
        self.close()
        self.moved = True

    def finish(self) -> None:
        """Let what is queued leave, then close (`farewell.py`). The owner hears nothing more but `on_buried`."""
        if self.closed or isinstance(self.owner, Farewell):
            return
        farewell = Farewell(self, self.owner.on_buried if self.owner is not None else None)
        self.owner = farewell
        self._cancel_timer()
        farewell.begin()

    def shut_down_writing(self) -> bool:
        """Send our FIN now and go on reading; tell whether the connection was there to be shut down."""
        try:
            self.sock.shutdown(SHUT_WR)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End it now; the fd is closed at the end of the turn. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self.limit = -1
        self.clear()
        self._cancel_timer()
        self.reactor.blocked.discard(self.wire)
        self.on_drained = None
        self.on_bytes = _ignore  # and no reference to ourselves is left
        self._interest = 0  # events of this fd that are still in the batch mean nothing any more
        self.reactor.bury(self)

    def bury(self) -> None:
        """Give the fd back (step 9 of the turn)."""
        self.reactor.unwatch(self.fd)
        if not self.moved:
            self.traffic = traffic_of(self.sock)
        self.sock.close()
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.on_buried()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _ignore(_data: bytes) -> None:
    """Where bytes go before there is an owner, and after the end."""
