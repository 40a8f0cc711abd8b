"""What members say in a channel: text, which is logged and numbered, and binary messages, which only pass through.

The hottest path of the chat: a text is looked up, judged and put into the batch of the turn; all else happens once for
many, in `batch.py`.

Read next: `batch.py`.
"""

from collections.abc import Callable

from msgspec import Struct

from wsserver.chat.batch import Batch
from wsserver.chat.broker import Broker
from wsserver.chat.channels import Channel, Channels
from wsserver.chat.errors import ChatError
from wsserver.chat.names import judge_channel, judge_name, judge_text
from wsserver.chat.session import Session
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import KEY_CHARS, Event, Message, MessageAck, Relay, Relayed
from wsserver.clients.router import Surroundings
from wsserver.websocket.codes import BINARY


class Posted(Struct, gc=False, frozen=True):
    """What became of a message of the server: its seq and ts (a duplicate has those of the first), who heard it."""

    seq: int
    ts: int
    duplicate: bool
    delivered: int


class Posting:
    """Takes what is said."""

    def __init__(
        self, surroundings: Surroundings, channels: Channels, users: Users, batch: Batch, broker: Broker | None = None
    ) -> None:
        """`broker` takes binary messages to the other nodes, where there are any."""
        self._broker = broker
        self._surroundings = surroundings
        self._channels = channels
        self._users = users
        self._batch = batch

    def message(self, session: Session, command: Message) -> None:
        """Let a text wait for the end of the turn. Raises ChatError for strangers and for what no store can keep,
        `forbidden` where others send, and `rate_limited` where more is said already than can be told."""
        channel = session.member_of(command.channel)
        judge_text(command.text, "text")
        key = command.key
        if key is not None:
            judge_text(key, "key")
        user = session.user or self._users.identify(session)  # a member has a name
        if channel.rule.send is not None:
            _judge_right(channel, user)
        if channel.audience.sliced:
            channel.audience.judge_room()
        self._batch.add(session, command.id, channel, user, command.text, key)

    def relay(self, session: Session, command: Relay) -> None:
        """Hand a binary message to all members of the channel that it names, as it is, unlogged."""
        channel = self._channels.find_cid(command.cid)
        if channel is None or session.channels.get(channel.name) is not channel:
            raise ChatError("not_joined", f"You are not a member of a channel with the number {command.cid}.")
        if channel.rule.send is not None:
            _judge_right(channel, session.user)
        if channel.audience.sliced:
            channel.audience.judge_room()
        self._batch.settle(session, channel)  # texts that came first must be heard first
        event = Relayed(command.cid, command.payload)
        channel.audience.relay(event, self._surroundings, channel.stream)
        for other in channel.catching_up:
            other.peer.send(other.codec.encode_binary(event), BINARY)
        if self._broker is not None:
            self._broker.relay(channel.name, command.payload)

    def hearers(self, channel_name: str) -> int:
        """Return how many clients of this node hear a channel."""
        channel = self._channels.find(channel_name)
        return 0 if channel is None else len(channel.audience)

    def post(
        self, channel_name: str, user: str, text: str, key: str | None, done: Callable[[Posted | ChatError], None]
    ) -> None:
        """Publish as the server, now: `done` is called once, before this returns or later, with what became of it.

        It is given ChatError `store_unavailable` or `internal` when nothing became of it. Raises ChatError for bad
        names, texts and keys, and when too much waits for the store; `done` is not called then.
        """
        judge_channel(channel_name)
        judge_name(user, "user")
        if not text:
            raise ChatError("bad_message", "`text` must not be empty.")
        judge_text(text, "text")
        if key is not None:
            judge_text(key, "key")
            if not 1 <= len(key) <= KEY_CHARS:
                raise ChatError("bad_message", f"`key` must have 1 to {KEY_CHARS} characters.")
        channel = self._channels.open(channel_name)
        channel.audience.judge_room()
        self._batch.add(_Poster(channel, done), 0, channel, user, text, key)
        self._batch.commit()


class _Poster:
    """Stands where a session stands that asked for an ack, and tells whoever publishes as the server."""

    def __init__(self, channel: Channel, done: Callable[[Posted | ChatError], None]) -> None:
        self.pending = 0
        self._channel = channel
        self._done = done

    def send(self, event: Event) -> None:
        assert isinstance(event, MessageAck)
        heard = 0 if event.duplicate else len(self._channel.audience)
        self._done(Posted(event.seq, event.ts, event.duplicate, heard))

    def refuse(self, error: ChatError, id: str | int | None) -> None:
        self._done(error)


def _judge_right(channel: Channel, user: str | None) -> None:
    """Let a member pass who may send."""
    if channel.rule.send is not None and user not in channel.rule.send:
        raise ChatError("forbidden", f"In the channel {channel.name!r} only some users may send; you may read.")
