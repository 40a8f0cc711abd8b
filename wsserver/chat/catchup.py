"""Tells a member what it missed, slice by slice, until it hears the channel live.

What `joined` has no room for follows as ordinary `message` events. Until the last of them is sent the member is not in
the channel's audience: new messages reach it through the log, in their order, so history and live stream meet without
gap or repeat. It does not wait for the member to read: one that cannot keep up is closed by its queue, and recovers
from where it was.

    joined (first slice) -- pause -- message ... message -- pause -- message ... | live

Read next: `history.py`, which cuts the slices.
"""

from typing import Final

from wsserver.chat.channels import Channel
from wsserver.chat.history import follows, read_slice
from wsserver.chat.log import Log, NotYet, StoreUnavailable
from wsserver.chat.session import Session
from wsserver.clients.router import Surroundings
from wsserver.websocket.codes import SLOW_CONSUMER

PAUSE_S: Final = 0.1
"""Between slices: a megabyte a second for plain text, and others get their turns."""


class CatchUp:
    """One member of one channel on its way to the live stream; `seq` is the last message that it was sent."""

    __slots__ = ("_channel", "_log", "_session", "_surroundings", "_timer", "seq")

    def __init__(self, surroundings: Surroundings, log: Log, session: Session, channel: Channel, seq: int) -> None:
        """Begin: `session` has been sent everything up to `seq`."""
        self._surroundings = surroundings
        self._log = log
        self._session = session
        self._channel = channel
        self.seq = seq
        channel.catching_up[session] = self
        self._timer = surroundings.call_later(PAUSE_S, self._step)

    def cancel(self) -> None:
        """Stop; the session is in neither of the channel's two kinds of members any more."""
        self._timer.cancel()
        self._channel.catching_up.pop(self._session, None)

    def go_live(self) -> None:
        """Hear the channel live from here: what was missing is not continued."""
        self.cancel()
        self._channel.audience.add(self._session)

    def _step(self) -> None:
        """Send the next slice, then pause or go live: what waits for the end of this turn is then heard live."""
        try:
            newest = self._log.head(self._channel.name).seq
            messages = read_slice(self._log, self._channel.name, self.seq, newest)
        except NotYet as not_yet:
            not_yet.when_ready(self._step_soon)
            return
        except StoreUnavailable:
            self._timer = self._surroundings.call_later(PAUSE_S, self._step)
            return
        if self.seq < newest and not (messages and follows(messages, self.seq)):
            self.cancel()  # the log has dropped what comes next: a gap must not be passed over in silence
            self._session.peer.close(SLOW_CONSUMER, "the channel forgot what you had not read yet")
            return
        for message in messages:
            self._session.send(message)
            self.seq = message.seq
        self._pause_or_go_live(newest)

    def _step_soon(self) -> None:
        """What was missing is read now; the member may have gone meanwhile."""
        if self._channel.catching_up.get(self._session) is self:
            self._timer = self._surroundings.call_later(0.0, self._step)

    def _pause_or_go_live(self, newest: int) -> None:
        if self.seq < newest:
            self._timer = self._surroundings.call_later(PAUSE_S, self._step)
        else:
            del self._channel.catching_up[self._session]
            self._channel.audience.add(self._session)
