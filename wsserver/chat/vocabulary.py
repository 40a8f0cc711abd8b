"""Every message of the chat, as plain classes: what a client may say (commands) and what it is told (events).

The classes are the list: what is not here does not exist. They know neither JSON nor protobuf; the field types hold
what a decoder can check by itself (a string, not empty, at most so long). What needs knowledge (is the name good? is
the client a member?) is judged where the command is carried out.

    client --- command ---> server --- event ---> client

`id` pairs an answer with its question on one connection; times are integer milliseconds since 1970; `seq` counts the
messages of a channel from 1. Fields with a default are left out of an event when they have it.

Read next: `codec_json.py`, which turns bytes into commands and events into bytes.
"""

from typing import Annotated, Any, Final, get_args

from msgspec import Meta, Struct

ID_CHARS: Final = 64
"""An id is a counter or a UUID (36 characters); the server carries it around until it answers."""

SAFE_INTEGER: Final = 2**53 - 1
"""Beyond it JavaScript cannot tell neighbours apart (RFC 8259 section 6), so an id would come back as another one."""

KEY_CHARS: Final = 128
"""A key is a UUID or a hash in hex (SHA-512: 128 characters); the store keeps it for five minutes."""

Id = Annotated[str, Meta(max_length=ID_CHARS)] | Annotated[int, Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)] | None
Text = Annotated[str, Meta(min_length=1)]
Key = Annotated[str, Meta(min_length=1, max_length=KEY_CHARS)]
Count = Annotated[int, Meta(ge=0)]


# gc=False: commands and events are trees, so the cycle collector need not look at them (30 ns each, and its passes).
class Command(Struct, tag_field="type", kw_only=True, gc=False):
    """Something that a client asks for."""

    id: Id = None


class Join(Command, tag="join"):
    """Become a member of `channel`, as `user`; get what was missed after `since` of `epoch`, or the newest messages."""

    channel: str
    user: str | None = None
    since: int | None = None
    epoch: str | None = None
    history: Count = 50


class Leave(Command, tag="leave"):
    """Be a member of `channel` no longer."""

    channel: str


class Message(Command, tag="message"):
    """Say `text` to all members of `channel`; the same `key` again within five minutes is stored once."""

    channel: str
    text: Text
    key: Key | None = None


class Broadcast(Command, tag="broadcast"):
    """Say `text` to every client."""

    text: Text


class Direct(Command, tag="direct"):
    """Say `text` to every client of the user `to`."""

    to: str
    text: Text


class Multicast(Command, tag="multicast"):
    """Say `text` to every client of those users `to` who are there."""

    to: list[str]
    text: Text


class Subscribe(Command, tag="subscribe"):
    """Get what is published on `topic`, or on every topic that starts so when it ends in `*`."""

    topic: str


class Unsubscribe(Command, tag="unsubscribe"):
    """Take back a `subscribe` with the same `topic`."""

    topic: str


class Publish(Command, tag="publish"):
    """Hand `data`, whatever it is, to the subscribers of `topic`."""

    topic: str
    data: Any


class Request(Command, tag="request"):
    """Call `method` with `params`."""

    method: str
    params: Any = None


class Presence(Command, tag="presence"):
    """Ask who is in `channel`."""

    channel: str


class History(Command, tag="history"):
    """Ask for at most `limit` messages of `channel` before or after a seq; neither: the newest."""

    channel: str
    before: int | None = None
    after: int | None = None
    limit: Count = 50


class Auth(Command, tag="auth"):
    """Show a token."""

    token: str


class Ping(Command, tag="ping"):
    """Ask for a `pong`: for clients that cannot send WebSocket pings."""


class Relay(Command, tag="binary"):
    """Hand `payload` to all members of the channel with the number `cid`, unlogged.

    It has no place in JSON, where it is a binary message of its own: `cid` in 4 bytes, big endian, then the payload.
    """

    cid: int
    payload: bytes


AnyCommand = (
    Join
    | Leave
    | Message
    | Broadcast
    | Direct
    | Multicast
    | Subscribe
    | Unsubscribe
    | Publish
    | Request
    | Presence
    | History
    | Auth
    | Ping
)
"""The closed list of what a client may say, `Relay` excepted."""

COMMAND_TYPES: Final = frozenset(command.__struct_config__.tag for command in get_args(AnyCommand))
"""Their names on the wire."""


class Event(Struct, tag_field="type", omit_defaults=True, gc=False):
    """Something that a client is told."""


class Answer(Event, kw_only=True):
    """An event that answers a command and carries its id."""

    id: Id = None


class Welcome(Event, tag="welcome"):
    """The first event of every connection. `heartbeat` is seconds, `max_message` bytes."""

    client: str
    user: str | None
    server: str
    heartbeat: float
    max_message: int


class MessageEvent(Event, tag="message"):
    """One message of a channel. The log keeps these very objects, so history and the live stream cannot differ."""

    channel: str
    seq: int
    user: str
    text: str
    ts: int


class Joined(Answer, tag="joined"):
    """Answers `join`. `seq` is the channel's newest; `more` counts the users beyond those named in `users`."""

    channel: str
    cid: int
    epoch: str
    seq: int
    users: list[str]
    count: int
    messages: list[MessageEvent]
    recovered: bool | None = None
    more: int = 0


class Left(Answer, tag="left"):
    """Answers `leave`."""

    channel: str


class Ack(Answer, tag="ack"):
    """Answers what was done and has no result but how many clients it reached."""

    delivered: int | None = None


class MessageAck(Answer, tag="ack"):
    """Answers `message`: it is stored, as number `seq` of the channel."""

    channel: str
    seq: int
    ts: int
    duplicate: bool


class PresenceList(Answer, tag="presence"):
    """Answers `presence`. `more` counts the users beyond those named."""

    channel: str
    users: list[str]
    count: int
    more: int = 0


class PresenceChange(Event, tag="presence"):
    """Announces who came and went. `more` counts those beyond the named."""

    channel: str
    joined: list[str]
    left: list[str]
    count: int
    more: int = 0


class BroadcastEvent(Event, tag="broadcast"):
    """`user` said `text` to everybody."""

    user: str
    text: str
    ts: int


class DirectEvent(Event, tag="direct"):
    """`user` said `text` to you."""

    user: str
    text: str
    ts: int


class MulticastEvent(Event, tag="multicast"):
    """`user` said `text` to you and others."""

    user: str
    text: str
    ts: int


class TopicEvent(Event, tag="event"):
    """`user` published `data` on a topic that you subscribed to."""

    topic: str
    data: Any
    user: str
    ts: int


class Relayed(Event, tag="binary"):
    """A member of the channel with the number `cid` sent `payload`; see `Relay`."""

    cid: int
    payload: bytes


class Subscribed(Answer, tag="subscribed"):
    """Answers `subscribe`."""

    topic: str


class Unsubscribed(Answer, tag="unsubscribed"):
    """Answers `unsubscribe`."""

    topic: str


class Response(Answer, tag="response"):
    """Answers `request`."""

    result: Any


class HistoryPage(Answer, tag="history"):
    """Answers `history`, oldest message first. `more`: there are further ones in that direction."""

    channel: str
    epoch: str
    messages: list[MessageEvent]
    more: bool


class Pong(Answer, tag="pong"):
    """Answers `ping`."""

    ts: int


class Goaway(Event, tag="goaway"):
    """The server is draining: come back in `reconnect_in` seconds."""

    reconnect_in: float


class Error(Answer, tag="error"):
    """Something could not be done. `code` is one of `errors.RETRY`."""

    code: str
    message: str
    retry: bool
