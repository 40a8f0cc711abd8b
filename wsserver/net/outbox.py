"""What waits to be sent to one client: a list of frames, its weight, and the rule for when it is too heavy.

Pure bookkeeping, no socket: `transport.py` sends. Broadcast frames are shared by all members, so what one client's
queue pins is mostly the list; still every queue is charged in full, so that the sum over clients bounds the worst
case.

    put(frame) -> frames: [ f1 | f2 | f3 | ... ]  -> gather() -> bytes for one send -> sent(n)
                            ^ head: `head_sent` bytes of it are gone already, so it may no longer be dropped

Read next: `transport.py`.
"""

from itertools import islice
from typing import Final

ENTRY_OVERHEAD: Final = 48
"""Bytes charged for each queued frame besides its own: a bytes object's header and its place in the list. Without it,
a queue of two-byte pongs would pin twenty times what it counts."""

GATHER_LIMIT: Final = 256 * 1024
"""Bytes joined for one send. More than a socket buffer takes at once would be copied again and again."""

CLOSE: Final = "close"
DROP_OLDEST: Final = "drop-oldest"
LATEST: Final = "latest"
QUEUE_POLICIES: Final = (CLOSE, DROP_OLDEST, LATEST)


class Droppable(bytes):
    """A frame that a queue policy may drop: one of many in a stream, not the answer to anybody's question."""

    __slots__ = ()


class Stream:
    """What several frames belong to that has a queue policy of its own, whatever the client's is."""

    __slots__ = ("policy",)

    def __init__(self, policy: str) -> None:
        self.policy = policy  # one of QUEUE_POLICIES


class Streamed(bytes):
    """A frame of a stream. (A subclass of bytes cannot have slots: it has a dict, once for all who get the frame.)"""

    stream: Stream

    def __new__(cls, frame: bytes, stream: Stream) -> "Streamed":
        """Mark `frame` as one of `stream`."""
        self = super().__new__(cls, frame)
        self.stream = stream
        return self


class Replacing(bytes):
    """A frame that makes an earlier one of its kind in the same queue pointless: only the latest has to arrive."""

    __slots__ = ()


class Outbox:
    """The queue of one client. Sizes are bytes."""

    __slots__ = ("frames", "head_sent", "queued")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.queued = 0  # bytes, ENTRY_OVERHEAD for each frame included
        self.head_sent = 0  # bytes of frames[0] that have left

    def append(self, frame: bytes) -> None:
        """Queue a frame, whatever the weight."""
        self.frames.append(frame)
        self.queued += len(frame) + ENTRY_OVERHEAD

    def drop_replaced(self) -> None:
        """Drop the Replacing frames whose first byte has not left: a later one comes."""
        first = 1 if self.head_sent else 0
        self.frames[first:] = [frame for frame in self.frames[first:] if type(frame) is not Replacing]
        self._weigh()

    def gather(self) -> bytes | memoryview:
        """Return the bytes to hand to one send: everything, or a little more than GATHER_LIMIT bytes of it."""
        frames = self.frames
        if len(frames) == 1:
            data = frames[0]
        elif self.queued <= GATHER_LIMIT:
            data = b"".join(frames)
        else:
            data = b"".join(islice(frames, _count_up_to(frames, GATHER_LIMIT)))
        return memoryview(data)[self.head_sent :] if self.head_sent else data

    def sent(self, count: int) -> None:
        """Take note that `count` bytes have left. Whole frames go; the one that was cut becomes the head."""
        count += self.head_sent
        done = 0
        for frame in self.frames:
            if count < len(frame):
                break
            count -= len(frame)
            done += 1
        del self.frames[:done]
        self.head_sent = count
        self._weigh()

    def clear(self) -> None:
        """Forget everything: the socket is gone."""
        self.frames.clear()
        self.queued = self.head_sent = 0

    def drop_unsent(self) -> int:
        """Drop all that is queued but a frame that is cut in the middle; return how many frames that was.

        What follows on the wire must still begin at a frame's start.
        """
        keep = 1 if self.head_sent else 0
        dropped = len(self.frames) - keep
        del self.frames[keep:]
        self._weigh()
        return dropped

    def make_room(self, policy: str, incoming: bytes, limit: int) -> bool:
        """Drop what may be dropped until the frame `incoming` fits well below `limit`; tell whether it fits.

        `close` drops nothing. `drop-oldest` drops the oldest droppable frames, `latest` all of them. A frame of a
        stream goes by the policy of that, not by `policy`: of a `latest` one the newest frame stays, which may be
        `incoming`. Answers, pongs and the Close are never dropped, nor is a frame whose first bytes have left.
        """
        newest = {frame.stream: index for index, frame in enumerate(self.frames) if type(frame) is Streamed}
        if policy == CLOSE and not newest:
            return False
        if type(incoming) is Streamed:
            newest.pop(incoming.stream, None)
        # a quarter of the limit at once, so that a queue that stays full is not walked through for every message
        room_for = min(limit - len(incoming) - ENTRY_OVERHEAD, limit * 3 // 4)
        kept: list[bytes] = []
        for index, frame in enumerate(self.frames):
            its_policy = _policy_of(frame, policy) if index or not self.head_sent else CLOSE
            is_newest = type(frame) is Streamed and newest.get(frame.stream) == index
            if (its_policy == DROP_OLDEST and self.queued > room_for) or (its_policy == LATEST and not is_newest):
                self.queued -= len(frame) + ENTRY_OVERHEAD
            else:
                kept.append(frame)
        self.frames[:] = kept
        return self.queued + len(incoming) + ENTRY_OVERHEAD <= limit

    def _weigh(self) -> None:
        self.queued = sum(len(frame) + ENTRY_OVERHEAD for frame in self.frames)


def _policy_of(frame: bytes, policy: str) -> str:
    """Return what may be done with a frame in the queue of a client that has `policy`."""
    if type(frame) is Streamed:
        return frame.stream.policy
    return policy if type(frame) is Droppable else CLOSE


def _count_up_to(frames: list[bytes], limit: int) -> int:
    """How many frames from the front it takes to reach `limit` bytes."""
    total = 0
    for count, frame in enumerate(frames, 1):
        total += len(frame)
        if total >= limit:
            return count
    return len(frames)
