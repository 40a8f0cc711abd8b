from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("id", "join", "joined", "leave", "left", "message", "ack", "broadcast", "direct", "multicast", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "publish", "request", "response", "presence", "history", "auth", "ping", "pong", "binary", "welcome", "event", "goaway", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    BROADCAST_FIELD_NUMBER: _ClassVar[int]
    DIRECT_FIELD_NUMBER: _ClassVar[int]
    MULTICAST_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    AUTH_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    GOAWAY_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    join: Join
    joined: Joined
    leave: Leave
    left: Left
    message: ChatMessage
    ack: Ack
    broadcast: Broadcast
    direct: Direct
    multicast: Multicast
    subscribe: Subscribe
    subscribed: Subscribed
    unsubscribe: Unsubscribe
    unsubscribed: Unsubscribed
    publish: Publish
    request: Request
    response: Response
    presence: Presence
    history: History
    auth: Auth
    ping: Ping
    pong: Pong
    binary: Binary
    welcome: Welcome
    event: TopicEvent
    goaway: Goaway
    error: Error
    def __init__(self, id: _Optional[str] = ..., join: _Optional[_Union[Join, _Mapping]] = ..., joined: _Optional[_Union[Joined, _Mapping]] = ..., leave: _Optional[_Union[Leave, _Mapping]] = ..., left: _Optional[_Union[Left, _Mapping]] = ..., message: _Optional[_Union[ChatMessage, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., broadcast: _Optional[_Union[Broadcast, _Mapping]] = ..., direct: _Optional[_Union[Direct, _Mapping]] = ..., multicast: _Optional[_Union[Multicast, _Mapping]] = ..., subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., subscribed: _Optional[_Union[Subscribed, _Mapping]] = ..., unsubscribe: _Optional[_Union[Unsubscribe, _Mapping]] = ..., unsubscribed: _Optional[_Union[Unsubscribed, _Mapping]] = ..., publish: _Optional[_Union[Publish, _Mapping]] = ..., request: _Optional[_Union[Request, _Mapping]] = ..., response: _Optional[_Union[Response, _Mapping]] = ..., presence: _Optional[_Union[Presence, _Mapping]] = ..., history: _Optional[_Union[History, _Mapping]] = ..., auth: _Optional[_Union[Auth, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ..., binary: _Optional[_Union[Binary, _Mapping]] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., event: _Optional[_Union[TopicEvent, _Mapping]] = ..., goaway: _Optional[_Union[Goaway, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class ChatMessage(_message.Message):
    __slots__ = ("channel", "user", "text", "timestamp", "seq", "key")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    channel: str
    user: str
    text: str
    timestamp: int
    seq: int
    key: str
    def __init__(self, channel: _Optional[str] = ..., user: _Optional[str] = ..., text: _Optional[str] = ..., timestamp: _Optional[int] = ..., seq: _Optional[int] = ..., key: _Optional[str] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("channel", "user", "since", "epoch", "history")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    channel: str
    user: str
    since: int
    epoch: str
    history: int
    def __init__(self, channel: _Optional[str] = ..., user: _Optional[str] = ..., since: _Optional[int] = ..., epoch: _Optional[str] = ..., history: _Optional[int] = ...) -> None: ...

class Joined(_message.Message):
    __slots__ = ("channel", "cid", "epoch", "seq", "users", "count", "messages", "recovered", "more")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    RECOVERED_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    channel: str
    cid: int
    epoch: str
    seq: int
    users: _containers.RepeatedScalarFieldContainer[str]
    count: int
    messages: _containers.RepeatedCompositeFieldContainer[ChatMessage]
    recovered: bool
    more: int
    def __init__(self, channel: _Optional[str] = ..., cid: _Optional[int] = ..., epoch: _Optional[str] = ..., seq: _Optional[int] = ..., users: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., messages: _Optional[_Iterable[_Union[ChatMessage, _Mapping]]] = ..., recovered: bool = ..., more: _Optional[int] = ...) -> None: ...

class Leave(_message.Message):
    __slots__ = ("channel",)
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    def __init__(self, channel: _Optional[str] = ...) -> None: ...

class Left(_message.Message):
    __slots__ = ("channel",)
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    channel: str
    def __init__(self, channel: _Optional[str] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("channel", "seq", "ts", "duplicate", "delivered")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    channel: str
    seq: int
    ts: int
    duplicate: bool
    delivered: int
    def __init__(self, channel: _Optional[str] = ..., seq: _Optional[int] = ..., ts: _Optional[int] = ..., duplicate: bool = ..., delivered: _Optional[int] = ...) -> None: ...

class Broadcast(_message.Message):
    __slots__ = ("user", "text", "ts")
    USER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    user: str
    text: str
    ts: int
    def __init__(self, user: _Optional[str] = ..., text: _Optional[str] = ..., ts: _Optional[int] = ...) -> None: ...

class Direct(_message.Message):
    __slots__ = ("to", "user", "text", "ts")
    TO_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    to: str
    user: str
    text: str
    ts: int
    def __init__(self, to: _Optional[str] = ..., user: _Optional[str] = ..., text: _Optional[str] = ..., ts: _Optional[int] = ...) -> None: ...

class Multicast(_message.Message):
    __slots__ = ("to", "user", "text", "ts")
    TO_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    to: _containers.RepeatedScalarFieldContainer[str]
    user: str
    text: str
    ts: int
    def __init__(self, to: _Optional[_Iterable[str]] = ..., user: _Optional[str] = ..., text: _Optional[str] = ..., ts: _Optional[int] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class Subscribed(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class Unsubscribe(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class Unsubscribed(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("topic", "data")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    topic: str
    data: str
    def __init__(self, topic: _Optional[str] = ..., data: _Optional[str] = ...) -> None: ...

class TopicEvent(_message.Message):
    __slots__ = ("topic", "data", "user", "ts")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    data: str
    user: str
    ts: int
    def __init__(self, topic: _Optional[str] = ..., data: _Optional[str] = ..., user: _Optional[str] = ..., ts: _Optional[int] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("method", "params")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    method: str
    params: str
    def __init__(self, method: _Optional[str] = ..., params: _Optional[str] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: str
    def __init__(self, result: _Optional[str] = ...) -> None: ...

class Presence(_message.Message):
    __slots__ = ("channel", "users", "count", "more", "joined", "left")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    channel: str
    users: _containers.RepeatedScalarFieldContainer[str]
    count: int
    more: int
    joined: _containers.RepeatedScalarFieldContainer[str]
    left: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, channel: _Optional[str] = ..., users: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., more: _Optional[int] = ..., joined: _Optional[_Iterable[str]] = ..., left: _Optional[_Iterable[str]] = ...) -> None: ...

class History(_message.Message):
    __slots__ = ("channel", "before", "after", "limit", "epoch", "messages", "more")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    channel: str
    before: int
    after: int
    limit: int
    epoch: str
    messages: _containers.RepeatedCompositeFieldContainer[ChatMessage]
    more: bool
    def __init__(self, channel: _Optional[str] = ..., before: _Optional[int] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ..., epoch: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[ChatMessage, _Mapping]]] = ..., more: bool = ...) -> None: ...

class Auth(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Pong(_message.Message):
    __slots__ = ("ts",)
    TS_FIELD_NUMBER: _ClassVar[int]
    ts: int
    def __init__(self, ts: _Optional[int] = ...) -> None: ...

class Binary(_message.Message):
    __slots__ = ("cid", "payload")
    CID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    cid: int
    payload: bytes
    def __init__(self, cid: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("client", "user", "server", "heartbeat", "max_message")
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    client: str
    user: str
    server: str
    heartbeat: float
    max_message: int
    def __init__(self, client: _Optional[str] = ..., user: _Optional[str] = ..., server: _Optional[str] = ..., heartbeat: _Optional[float] = ..., max_message: _Optional[int] = ...) -> None: ...

class Goaway(_message.Message):
    __slots__ = ("reconnect_in",)
    RECONNECT_IN_FIELD_NUMBER: _ClassVar[int]
    reconnect_in: float
    def __init__(self, reconnect_in: _Optional[float] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "retry")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    retry: bool
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., retry: bool = ...) -> None: ...
