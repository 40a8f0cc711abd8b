"""How keys and pub-sub channels are called in Redis. All begin with the prefix of the broker's address.

    PREFIX:all            said to every node            PREFIX:n:NODE    said to one
    PREFIX:c:CHANNEL      said to who is in a channel
    PREFIX:l:{CHANNEL}:h  epoch and seq of a channel    ...:m  its messages    ...:b:ID  a batch    ...:k:USER key
    PREFIX:r:{CHANNEL}:EPOCH:m  newest messages of a channel that is in a database   ...:s  their size
    PREFIX:p:CHANNEL      hash: NODE|USER of who is in  PREFIX:pn:NODE   set: channels that NODE has users in
    PREFIX:nodes          sorted set: nodes by the end of their lease, in milliseconds of Redis's clock

What stands in braces decides the slot in a cluster, so the keys that one script needs for a channel are in one place.

Read next: `redis_scripts.py`.
"""


class Names:
    """The names of one chat."""

    __slots__ = ("_channel", "_log", "_node", "_node_channels", "_recent", "all", "nodes", "users_in")

    def __init__(self, prefix: str) -> None:
        self.all = f"{prefix}:all"
        self.nodes = f"{prefix}:nodes"
        self.users_in = f"{prefix}:p:"  # and then the channel
        self._channel = f"{prefix}:c:"
        self._node = f"{prefix}:n:"
        self._node_channels = f"{prefix}:pn:"
        self._log = f"{prefix}:l:{{"
        self._recent = f"{prefix}:r:{{"

    def channel(self, channel: str) -> str:
        """Return where things are said to who is in `channel`."""
        return self._channel + channel

    def channel_of(self, name: str) -> str | None:
        """Return which channel the pub-sub channel `name` belongs to; None when it is no channel's."""
        return name[len(self._channel) :] if name.startswith(self._channel) else None

    def node(self, node: str) -> str:
        """Return where things are said to `node`."""
        return self._node + node

    def channels_of(self, node: str) -> str:
        """Return the key of the set of channels in which `node` has users."""
        return self._node_channels + node

    def users(self, channel: str) -> str:
        """Return the key of the hash of who is in `channel`."""
        return self.users_in + channel

    def log(self, channel: str) -> str:
        """Return what all keys of a channel's log begin with; a brace in the name must not end the tag too early."""
        return f"{self._log}{_tag(channel)}}}:"

    def recent(self, channel: str, epoch: str) -> tuple[str, str]:
        """Return the keys of the newest messages of a channel that is in a database, and of their size."""
        begin = f"{self._recent}{_tag(channel)}}}:{epoch}:"
        return f"{begin}m", f"{begin}s"


def _tag(channel: str) -> str:
    return channel.replace("%", "%25").replace("}", "%7D")
