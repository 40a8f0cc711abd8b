"""Tells the members of channels who came and went, when it is time: `presence.py` decides, this keeps the clock.

One timer for each channel in which something is due, none for any other.

Read next: `presence.py`.
"""

from functools import partial

from wsserver.chat.channels import Channel, Channels
from wsserver.chat.vocabulary import PresenceChange
from wsserver.clients.router import Surroundings


class Announcer:
    """Watches the rosters."""

    def __init__(self, surroundings: Surroundings, channels: Channels, names: int) -> None:
        """`names` is how many users an announcement may name in each list."""
        self._surroundings = surroundings
        self._channels = channels
        self._names = names

    def watch(self, channel: Channel) -> None:
        """See to it that what is due in `channel` happens. To be called after every change of its roster."""
        due_at = channel.roster.due_at
        if due_at is None or (channel.timer is not None and channel.timer_at <= due_at):
            return  # a timer that comes too early finds nothing to do, and is armed again
        if channel.timer is not None:
            channel.timer.cancel()
        channel.timer_at = due_at
        delay_s = max(0.0, due_at - self._surroundings.monotonic())
        channel.timer = self._surroundings.call_later(delay_s, partial(self._fire, channel))

    def _fire(self, channel: Channel) -> None:
        channel.timer = None
        change = channel.roster.step(self._surroundings.monotonic(), self._names)
        if change is not None:
            count = channel.roster.count
            self._tell(channel, PresenceChange(channel.name, change.joined, change.left, count, change.more))
        self.watch(channel)
        self._channels.settle(channel)

    def _tell(self, channel: Channel, event: PresenceChange) -> None:
        channel.audience.deliver((event,), self._surroundings, channel.notices, at_once=True)
        for session in channel.catching_up:
            session.send(event)
