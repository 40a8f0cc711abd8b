"""The chat behind the seam: turns messages into commands, hands each to the part that carries it out, answers errors.

It decides nothing itself. A command goes by its class to one method; whatever cannot be done comes back as a ChatError
and is answered here, in one place.

    bytes -> codec -> command -> Rooms      join, leave, presence, history
                              -> Posting    message, binary
                              -> Messaging  broadcast, direct, multicast
                              -> PubSub     subscribe, unsubscribe, publish
                              -> Requests   request

Read next: `posting.py` for the way of a message; `rooms.py`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from wsserver.chat.audience import Audience
from wsserver.chat.batch import Batch
from wsserver.chat.channels import Channels
from wsserver.chat.codec import Codec
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.errors import COUNTED, ChatError
from wsserver.chat.log import Log, StoreUnavailable
from wsserver.chat.messaging import Messaging
from wsserver.chat.methods import Methods
from wsserver.chat.posting import Posting
from wsserver.chat.pubsub import PubSub
from wsserver.chat.requests import Requests
from wsserver.chat.rooms import Rooms
from wsserver.chat.session import Session
from wsserver.chat.settings import ChatSettings
from wsserver.chat.topics import Topics
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import (
    Ack,
    Auth,
    Broadcast,
    Direct,
    Goaway,
    History,
    Join,
    Leave,
    Message,
    Multicast,
    Ping,
    Pong,
    Presence,
    Publish,
    Request,
    Subscribe,
    Unsubscribe,
    Welcome,
)
from wsserver.chat.waiting import Unsettled, Waiting
from wsserver.clients.router import Peer, Router, Surroundings
from wsserver.websocket.codes import BINARY, NORMAL, POLICY_VIOLATION

STRIKES: Final = 5
"""So many bad messages in a row come from a program that speaks something else; it will not get better."""

JSON_SUBPROTOCOL: Final = "wsserver.v1.json"


class ChatRouter(Router):
    """The router of `/chat`. Its parts are there after `attach`; the server API uses them directly."""

    rooms: Rooms
    posting: Posting
    messaging: Messaging
    pubsub: PubSub
    channels: Channels

    def __init__(self, settings: ChatSettings, log: Log, codecs: Mapping[str, Codec] | None = None) -> None:
        """`codecs` by subprotocol, best first; the first one also serves those who asked for none of them."""
        self._codecs = codecs or {JSON_SUBPROTOCOL: JsonCodec()}
        self._default_codec = next(iter(self._codecs.values()))
        self.subprotocols = tuple(self._codecs)
        self._settings = settings
        self._log = log
        self.requests = Requests()

    def attach(self, surroundings: Surroundings) -> None:
        """Build the parts: they need the world around them."""
        self._surroundings = surroundings
        self._everyone = Audience()
        self._users = Users(surroundings.random_bytes)
        self._topics = Topics()
        self._waiting = Waiting(surroundings)
        self._batch = Batch(surroundings, self._log, self._waiting)
        self.channels = Channels(self._settings.channels, self._release)
        self.rooms = Rooms(surroundings, self._settings, self._log, self.channels, self._users, self._batch)
        self.posting = Posting(surroundings, self.channels, self._users, self._batch)
        self.messaging = Messaging(surroundings, self._users, self._everyone)
        self.pubsub = PubSub(surroundings, self._topics, self._users, self._settings.channels_per_client)
        Methods(surroundings, self._everyone, self._users, self.channels, self._topics).register(self.requests)
        self._handlers = self._table()

    def _table(self) -> dict[type, Callable[[Session, Any], None]]:
        """Return who carries out which command."""
        return {
            Join: self.rooms.join,
            Leave: self.rooms.leave,
            Presence: self.rooms.presence,
            History: self.rooms.history,
            Message: self.posting.message,
            Broadcast: self.messaging.broadcast,
            Direct: self.messaging.direct,
            Multicast: self.messaging.multicast,
            Subscribe: self.pubsub.subscribe,
            Unsubscribe: self.pubsub.unsubscribe,
            Publish: self.pubsub.publish,
            Request: self.requests.request,
            Auth: self._auth,
            Ping: self._ping,
        }

    def on_open(self, peer: Peer) -> None:
        """Begin a session with `welcome`."""
        session = Session(peer, self._codecs.get(peer.subprotocol or "", self._default_codec))
        peer.context = session
        self._everyone.add(session)
        settings = self._settings
        session.send(Welcome(peer.id, session.user, settings.server, settings.heartbeat_s, settings.max_message))

    def on_message(self, peer: Peer, payload: bytes, opcode: int) -> None:
        """Carry out one command, or say why not."""
        session: Session = peer.context
        id = None
        try:
            if session.waiting is not None:
                raise Unsettled
            if opcode == session.codec.opcode:
                command = session.codec.decode(payload)
                id = command.id
                self._handlers[type(command)](session, command)
            elif opcode == BINARY:
                self.posting.relay(session, payload)
            else:
                raise ChatError("bad_message", "This subprotocol has no text messages.")
        except ChatError as error:
            self._refuse(session, error, id)
        except StoreUnavailable as error:
            self._refuse(session, ChatError("store_unavailable", f"The store cannot be read: {error}. Try again."), id)
        except Unsettled:
            self._hold(session, payload, opcode)
        else:
            if session.strikes:
                session.strikes = 0

    def on_limited(self, peer: Peer, payload: bytes, opcode: int) -> None:
        """Refuse a message above the rate; only its id is looked at."""
        session: Session = peer.context
        id = session.codec.find_id(payload) if opcode == session.codec.opcode else None
        session.refuse(ChatError("rate_limited", "You send too fast; this message was dropped. Slow down."), id)

    def on_close(self, peer: Peer, code: int, reason: str) -> None:
        """End a session: what it said is committed and acked first, then it leaves everything."""
        session: Session = peer.context
        if session.waiting is not None:
            self._waiting.hold_end(session, partial(self.on_close, peer, code, reason))
            return
        if session.pending:
            self._batch.commit()
        self._everyone.discard(session)
        self.rooms.exit_all(session, clean=code == NORMAL)
        self._topics.forget(session)
        self._users.forget(session)
        peer.context = None

    def on_drain(self, peer: Peer, reconnect_in_s: float) -> None:
        """Tell a client when to come back."""
        session: Session = peer.context
        session.send(Goaway(round(reconnect_in_s, 3)))

    def _hold(self, session: Session, payload: bytes, opcode: int) -> None:
        """Keep a message until what the client said before is in the log, and hand it in again then."""
        try:
            again = partial(self.on_message, session.peer, payload, opcode)
            self._waiting.hold(session, len(payload), again)
        except ChatError as error:
            session.refuse(error, session.codec.find_id(payload) if opcode == session.codec.opcode else None)

    def _refuse(self, session: Session, error: ChatError, id: str | int | None) -> None:
        """Answer with the error; close the connection of a client that speaks another language."""
        session.refuse(error, id)
        if error.code in COUNTED:
            session.strikes += 1
            if session.strikes >= STRIKES:
                session.peer.close(POLICY_VIOLATION, f"{STRIKES} bad messages in a row")

    def _release(self, channel: str) -> None:
        """Tell the store that a channel was forgotten. A store that is not there has nothing to forget."""
        try:
            self._log.release(channel)
        except StoreUnavailable:
            pass

    def _auth(self, session: Session, command: Auth) -> None:
        """In open mode everybody is who they say: any token is as good as none."""
        session.send(Ack(id=command.id))

    def _ping(self, session: Session, command: Ping) -> None:
        session.send(Pong(self._surroundings.wall_ms(), id=command.id))
