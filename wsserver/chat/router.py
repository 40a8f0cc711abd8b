"""The chat behind the seam: turns messages into commands, hands each to the part that carries it out, answers errors.

It decides nothing itself. A command goes by its class to one method; whatever cannot be done comes back as a ChatError
and is answered here, in one place. Where tokens are asked for, a session has another table of methods until it has
shown one (`gate.py`).

    bytes -> codec -> command -> Rooms      join, leave, presence, history
                              -> Posting    message, binary
                              -> Messaging  broadcast, direct, multicast
                              -> PubSub     subscribe, unsubscribe, publish
                              -> Requests   request
                              -> Gate       auth

Read next: `posting.py` for the way of a message; `rooms.py`.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final, NamedTuple

from wsserver.chat.audience import Audience
from wsserver.chat.authority import Authority, BadToken, Rules, no_rules
from wsserver.chat.batch import Batch
from wsserver.chat.broker import (
    Broker,
    Count,
    CountHearers,
    Kick,
    ListChannels,
    SayOnTopic,
    SayToAll,
    SayToOne,
    SayToSome,
)
from wsserver.chat.channels import Channels
from wsserver.chat.cluster import Cluster
from wsserver.chat.codec import Codec
from wsserver.chat.codec_json import JsonCodec
from wsserver.chat.errors import COUNTED, ChatError
from wsserver.chat.gate import Gate
from wsserver.chat.homes import Homes
from wsserver.chat.log import Log, NotYet, StoreUnavailable
from wsserver.chat.messaging import Messaging
from wsserver.chat.methods import Methods
from wsserver.chat.moving import Elsewhere, Moving, decode_luggage
from wsserver.chat.neighbours import Neighbours
from wsserver.chat.posting import Posting
from wsserver.chat.pubsub import PubSub
from wsserver.chat.replicas import Replicas
from wsserver.chat.requests import Requests
from wsserver.chat.rooms import Rooms
from wsserver.chat.session import Commands, Session
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
    Relay,
    Request,
    Subscribe,
    Unsubscribe,
    Welcome,
)
from wsserver.chat.waiting import Unsettled, Waiting
from wsserver.clients.router import Peer, Router, Surroundings
from wsserver.http.errors import RequestError
from wsserver.http.request import Request as HttpRequest
from wsserver.websocket.codes import FORBIDDEN, NORMAL, POLICY_VIOLATION

STRIKES: Final = 5
"""So many bad messages in a row come from a program that speaks something else; it will not get better."""

JSON_SUBPROTOCOL: Final = "wsserver.v1.json"


_TOKEN_PARAMETERS: Final = frozenset({"token", "access_token", "jwt"})


class Counts(NamedTuple):
    """How much there is, and what became of messages to channels since the start. For whoever monitors it."""

    channels: int
    users: int
    subscriptions: int
    stored: int
    duplicates: int
    refused: int


class ChatRouter(Router):
    """The router of `/chat`. Its parts are there after `attach`; the server API uses them directly."""

    rooms: Rooms
    posting: Posting
    messaging: Messaging
    pubsub: PubSub
    channels: Channels

    def __init__(
        self,
        settings: ChatSettings,
        log: Log,
        codecs: Mapping[str, Codec] | None = None,
        authority: Authority | None = None,
        rules: Rules = no_rules,
        broker: Broker | None = None,
        homes: Homes | None = None,
    ) -> None:
        """`codecs` by subprotocol, best first; the first one also serves those who asked for none of them.

        Without an `authority` names are taken on trust. `rules` says what is special about a channel.
        `log` is `Replicas` where there is a `broker` to other nodes; `homes` says which worker of this machine a client
        should be with, where there are several.
        """
        self._codecs = codecs or {JSON_SUBPROTOCOL: JsonCodec()}
        self._default_codec = next(iter(self._codecs.values()))
        self.subprotocols = tuple(self._codecs)
        self._settings = settings
        self._log = log
        self._authority = authority
        self._rules = rules
        self._broker = broker
        self._homes = homes
        self.requests = Requests()

    def attach(self, surroundings: Surroundings) -> None:
        """Build the parts: they need the world around them."""
        self._surroundings = surroundings
        self._everyone = Audience()
        self._users = Users(surroundings.random_bytes)
        self._topics = Topics()
        self._waiting = Waiting(surroundings)
        replicas = self._log if isinstance(self._log, Replicas) else None
        self._batch = Batch(surroundings, self._log, self._waiting, replicas, self._settings.gather_s)
        self.channels = Channels(self._settings.channels, self._release, self._rules)
        self.rooms = Rooms(
            surroundings, self._settings, self._log, self.channels, self._users, self._batch, replicas, self._homes
        )
        self._moving: Moving | None = None
        if self._homes is not None:
            self._moving = Moving(surroundings, self._homes, self._waiting, self._everyone, self._forget_moved)
        self.cluster = None if replicas is None else self._join_others(replicas)
        self.posting = Posting(surroundings, self.channels, self._users, self._batch, self._broker)
        self.messaging = Messaging(surroundings, self._users, self._everyone, self.cluster)
        self.pubsub = PubSub(surroundings, self._topics, self._users, self._settings.channels_per_client, self.cluster)
        methods = Methods(surroundings, self._everyone, self._users, self.channels, self._topics, self.cluster)
        methods.register(self.requests)
        if self.cluster is not None:
            self._answer_others(self.cluster, methods)
        self._gate: Gate | None = None  # where tokens are asked for
        self._settled = self._table()
        if self._authority is not None:
            self._gate = Gate(surroundings, self._authority, self._users, self.rooms, self._settings, self._admit)
            self._settled = {**self._settled, Auth: self._gate.auth}
        self._commands = self._settled if self._moving is None else self._moving.before(self._settled)
        self._first_commands = self._commands if self._gate is None else self._gate.lock(self._commands, self._ping)

    def _join_others(self, replicas: Replicas) -> Cluster:
        """Make this server one node among others."""
        broker, surroundings = self._broker, self._surroundings
        assert broker is not None, "a log that lies elsewhere comes with a broker"
        cluster = Cluster(surroundings, broker, replicas, self.channels, self._settings.names)
        announcer, grace_s = self.rooms.announcer, self._settings.leave_grace_s
        cluster.neighbours = Neighbours(surroundings, broker, self.channels, announcer, grace_s)
        self.rooms.neighbours = cluster.neighbours
        broker.attach(cluster)
        return cluster

    def _answer_others(self, cluster: Cluster, methods: Methods) -> None:
        """Say who answers what the other nodes ask."""
        messaging, pubsub = self.messaging, self.pubsub
        cluster.answer_with(SayToAll, lambda asked: messaging.reach_all(asked.sender, asked.text, asked.ts))
        cluster.answer_with(SayToOne, lambda asked: messaging.reach_one(asked.sender, asked.to, asked.text, asked.ts))
        cluster.answer_with(SayToSome, lambda asked: messaging.reach_some(asked.sender, asked.to, asked.text, asked.ts))
        cluster.answer_with(SayOnTopic, lambda asked: pubsub.reach(asked.sender, asked.topic, asked.data, asked.ts))
        cluster.answer_with(Kick, lambda asked: self.kick(asked.user, asked.reason))
        cluster.answer_with(CountHearers, lambda asked: self.posting.hearers(asked.channel))
        cluster.answer_with(Count, lambda _: methods.numbers())
        cluster.answer_with(ListChannels, lambda _: methods.counts())

    def _table(self) -> Commands:
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
            Relay: self.posting.relay,
        }

    def on_upgrade(self, peer: Peer, request: HttpRequest) -> None:
        """Keep the token that came with the upgrade until the session begins. Raises RequestError 400."""
        if self._gate is not None:
            peer.context = find_token(request)

    def on_open(self, peer: Peer) -> None:
        """Begin a session with `welcome`."""
        token = peer.context
        codec = self._codecs.get(peer.subprotocol or "", self._default_codec)
        peer.context = session = Session(peer, codec, self._first_commands)
        if self._gate is None:
            self._everyone.add(session)
            self._welcome(session)
        else:
            self._open_locked(session, self._gate, token)

    def _open_locked(self, session: Session, gate: Gate, token: str | None) -> None:
        """Begin a session that needs a token and may have brought one."""
        refusal = None
        gate.wait(session)
        if token is not None:
            try:
                gate.enter(session, token)
            except BadToken as error:
                refusal = error
        self._welcome(session)
        if refusal is not None:
            session.peer.close(refusal.code, refusal.reason)

    def _welcome(self, session: Session) -> None:
        settings = self._settings
        session.send(
            Welcome(session.peer.id, session.user, settings.server, settings.heartbeat_s, settings.max_message)
        )

    def _admit(self, session: Session) -> None:
        """The session has shown a token: from now on it hears what everybody hears, and may speak."""
        session.commands = self._commands
        self._everyone.add(session)

    def on_message(self, peer: Peer, payload: bytes, opcode: int) -> None:
        """Carry out one command, or say why not."""
        session: Session = peer.context
        id = None
        try:
            if session.waiting is not None:
                raise Unsettled
            codec = session.codec
            command = codec.decode(payload) if opcode == codec.opcode else codec.decode_other(payload)
            id = command.id
            session.commands[type(command)](session, command)
        except ChatError as error:
            self._refuse(session, error, id)
        except Elsewhere as error:
            assert self._moving is not None, "who else would raise it"
            self._moving.begin(session, payload, opcode, error, partial(self.on_message, peer, payload, opcode))
        except NotYet as error:
            self._hold(session, payload, opcode, error)
        except StoreUnavailable as error:
            sentence = f"The channel cannot be read: {error.told}. Try again."
            self._refuse(session, ChatError("store_unavailable", sentence), id)
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
        """End a session: what it said is committed and acked first, then it leaves everything.

        It leaves the rest also when leaving one thing fails: what is left behind would stay for ever.
        """
        session: Session | None = peer.context
        if session is None:
            return  # `on_open` failed: it has not come
        if session.waiting is not None:
            self._waiting.hold_end(session, partial(self.on_close, peer, code, reason))
            return
        peer.context = None
        with ExitStack() as leaving:  # the last one goes first
            leaving.callback(self._users.forget, session)
            leaving.callback(self._topics.forget, session)
            leaving.callback(self.rooms.exit_all, session, clean=code == NORMAL)
            leaving.callback(self._everyone.discard, session)
            if self._gate is not None:
                leaving.callback(self._gate.forget, session)
            if session.pending:
                self._batch.commit()

    def kick(self, user: str, reason: str = "kicked") -> int:
        """Close every connection of `user` with 4503 and return how many there were. `reason`: 123 bytes at most."""
        sessions = self._users.clients(user)
        for session in sessions:
            session.peer.close(FORBIDDEN, reason)
        return len(sessions)

    def counts(self) -> Counts:
        """Return how much there is."""
        batch = self._batch
        return Counts(
            len(self.channels), len(self._users), len(self._topics), batch.stored, batch.duplicates, batch.refused
        )

    def on_drain(self, peer: Peer, reconnect_in_s: float) -> None:
        """Tell a client when to come back."""
        session: Session = peer.context
        session.send(Goaway(round(reconnect_in_s, 3)))

    def on_take_over(self, peer: Peer, luggage: bytes) -> None:
        """Go on with a session that another worker has begun: it has had its `welcome`, and is going to join."""
        codec = self._codecs.get(peer.subprotocol or "", self._default_codec)
        peer.context = session = Session(peer, codec, self._first_commands)
        if self._gate is None:
            self._everyone.add(session)
        else:
            self._gate.take_over(session, decode_luggage(luggage).grant)
        if self._gate is None or session.grant is not None:
            session.commands = self._settled

    def _forget_moved(self, session: Session) -> None:
        """A session goes on in another worker."""
        session.peer.context = None
        self._users.forget(session)
        if self._gate is not None:
            self._gate.forget(session)

    def _hold(self, session: Session, payload: bytes, opcode: int, until: NotYet | None = None) -> None:
        """Keep a message until what the client said before is in the log, or `until` is; hand it in again then."""
        try:
            again = partial(self.on_message, session.peer, payload, opcode)
            self._waiting.hold(session, len(payload), again, until)
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


def find_token(request: HttpRequest) -> str | None:
    """Return the bearer token of an upgrade (RFC 6750 section 2.1), None when it brought none.

    Raises RequestError 400 for a token in the URL, where every log on the way would keep it (section 5.3), and for two.
    """
    if any(part.partition("=")[0] in _TOKEN_PARAMETERS for part in request.query.lower().split("&")):
        raise RequestError(400, "A token does not belong into a URL: send it in an auth message.")
    values = request.headers.all("authorization")
    if len(values) > 1:
        raise RequestError(400, "There is more than one Authorization header.")
    scheme, _, token = values[0].partition(" ") if values else ("", "", "")
    return token.strip(" ") if scheme.lower() == "bearer" else None
