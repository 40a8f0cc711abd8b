"""What the chat knows of one client: the session that it keeps as `peer.context`.

Ten thousand idle clients have one each, so it has no container of its own before it needs one. It decides nothing.

Read next: `router.py`, which makes and buries sessions; `channels.py`.
"""

from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from wsserver.chat.authority import Grant
from wsserver.chat.codec import Codec
from wsserver.chat.errors import ChatError
from wsserver.chat.names import judge_channel
from wsserver.chat.vocabulary import Error, Event
from wsserver.clients.router import Peer

if TYPE_CHECKING:
    from wsserver.chat.channels import Channel

Commands = Mapping[type, Callable[["Session", Any], None]]
"""Who carries out which command."""

_NO_CHANNELS: Final[Mapping[str, "Channel"]] = MappingProxyType({})


class Session:
    """One client of the chat."""

    __slots__ = (
        "channels", "codec", "commands", "grant", "patterns", "peer", "pending", "strikes", "user", "waiting",
    )  # fmt: skip

    def __init__(self, peer: Peer, codec: Codec, commands: Commands = MappingProxyType({})) -> None:
        # configuration
        self.peer = peer
        self.codec = codec  # how this client writes; shared by all that write so
        # state
        self.commands = commands  # what it may ask for; another table while it has to show a token first
        self.grant: Grant | None = None  # what its token says; None for who needs none, or has shown none yet
        self.user: str | None = None  # the name it carries; None until the first command that needs one
        self.channels: Mapping[str, Channel] = _NO_CHANNELS  # where it is a member; replaced, never changed
        self.patterns: set[str] | None = None  # what it subscribed to, made with the first subscription
        self.pending = 0  # messages of it that wait for the end of the turn, or for the log
        self.waiting: deque[tuple[int, Callable[[], None]]] | None = None  # what must not overtake those (`waiting.py`)
        self.strikes = 0  # bad messages in a row

    def enter(self, channel: "Channel") -> None:
        """Note that it is a member of `channel`."""
        self.channels = {**self.channels, channel.name: channel} if self.channels else channel.alone

    def exit(self, channel: "Channel") -> None:
        """Note that it is a member of `channel` no longer."""
        left = {name: other for name, other in self.channels.items() if other is not channel}
        self.channels = left if len(left) > 1 else next((other.alone for other in left.values()), _NO_CHANNELS)

    def covers(self, name: str) -> bool:
        """Tell whether its token, where one was asked for, reaches as far as the channel of that name."""
        return self.grant is None or self.grant.covers(name)

    def member_of(self, name: str) -> "Channel":
        """Return the channel of that name; when it is no member, raise ChatError.

        `bad_channel`, `forbidden` when its token does not cover the channel, else `not_joined`.
        """
        channel = self.channels.get(name)
        if channel is None:
            judge_channel(name)
            if not self.covers(name):
                raise ChatError("forbidden", f"Your token does not cover the channel {name!r}.")
            raise ChatError("not_joined", f"You are not a member of the channel {name!r}; join it first.")
        return channel

    def send(self, event: Event) -> None:
        """Queue `event` for this client."""
        self.peer.send(self.codec.encode(event), self.codec.opcode)

    def refuse(self, error: ChatError, id: str | int | None) -> None:
        """Tell this client what could not be done; the id that the error itself carries goes first."""
        self.send(Error(error.code, error.message, error.retry, id=id if error.id is None else error.id))
