"""Which users each worker has in which channel, as the workers have told. Pure bookkeeping.

A user who was lost is not in it any more: each worker that heard of it gives him his grace, and one that opens the
channel later has nobody who knew him.

Read next: `hub.py`.
"""

from collections.abc import Iterator

from wsserver.chat.broker import Move


class HubRosters:
    """By worker, then by channel; both are forgotten when they are empty."""

    def __init__(self) -> None:
        self._users: dict[str, dict[str, dict[str, None]]] = {}  # node -> channel -> users, in the order they came

    def move(self, node: str, channel: str, user: str, move: Move) -> None:
        """Note that somebody came or went."""
        if move is Move.ENTER:
            self._users.setdefault(node, {}).setdefault(channel, {})[user] = None
            return
        channels = self._users.get(node, {})
        users = channels.get(channel, {})
        users.pop(user, None)
        if not users:
            channels.pop(channel, None)
        if not channels:
            self._users.pop(node, None)

    def of(self, channel: str, but: str) -> dict[str, list[str]]:
        """Return who is in `channel`, on all nodes but one."""
        return {
            node: list(channels[channel])
            for node, channels in self._users.items()
            if node != but and channel in channels
        }

    def drop(self, node: str) -> Iterator[tuple[str, str]]:
        """Forget a node; yield (channel, user) of all who were there."""
        for channel, users in self._users.pop(node, {}).items():
            for user in users:
                yield channel, user
