"""What users say to each other outside channels: to all, to one, to some. Nothing of it is logged.

Read next: `users.py`, which knows who is where.
"""

from functools import partial

from wsserver.chat.audience import Audience
from wsserver.chat.broker import BrokerUnavailable, SayToAll, SayToOne, SayToSome
from wsserver.chat.cluster import Cluster, Counted
from wsserver.chat.errors import ChatError
from wsserver.chat.names import judge_name, judge_text
from wsserver.chat.session import Session
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import (
    Ack,
    Broadcast,
    BroadcastEvent,
    Direct,
    DirectEvent,
    Multicast,
    MulticastEvent,
)
from wsserver.clients.router import Surroundings


class Messaging:
    """Carries out `broadcast`, `direct` and `multicast`.

    Each has a twin `say_...` that the server itself may call, and one `reach_...` for the clients of this node alone.
    """

    def __init__(
        self, surroundings: Surroundings, users: Users, everyone: Audience, cluster: Cluster | None = None
    ) -> None:
        """`cluster`: the other nodes, where there are any; their clients are reached as well."""
        self._cluster = cluster
        self._surroundings = surroundings
        self._users = users
        self._everyone = everyone

    def broadcast(self, session: Session, command: Broadcast) -> None:
        """Say it to every client, the sender too."""
        done = partial(_acknowledge_sum, session, command.id)
        self.say_to_all(self._users.identify(session), command.text, done, session)

    def direct(self, session: Session, command: Direct) -> None:
        """Say it to every client of one user; raises ChatError `no_such_user`."""

        def done(delivered: int, trouble: BrokerUnavailable | None) -> None:
            try:
                acknowledge(session, command.id, demand_somebody(command.to, delivered, trouble))
            except ChatError as error:
                session.refuse(error, command.id)

        self.say_to_one(self._users.identify(session), command.to, command.text, done)

    def multicast(self, session: Session, command: Multicast) -> None:
        """Say it to every client of some users."""
        done = partial(_acknowledge_sum, session, command.id)
        self.say_to_some(self._users.identify(session), command.to, command.text, done)

    def say_to_all(self, sender: str, text: str, done: Counted, session: Session | None = None) -> None:
        """Say it everywhere; `done` hears how many clients are reached, now or when the other nodes have answered.

        `session` said it, and hears it before anything else. Raises ChatError `rate_limited` when they miss too much
        already.
        """
        judge_text(text, "text")
        ts = self._surroundings.wall_ms()
        here = self.reach_all(sender, text, ts)
        if session is not None:
            self._everyone.settle(session)
        if self._cluster is None:
            done(here, None)
        else:
            self._cluster.count(SayToAll(sender, text, ts), here, done)

    def say_to_one(self, sender: str, to: str, text: str, done: Counted) -> None:
        """The same for the clients of one user."""
        judge_name(to, "to")
        judge_text(text, "text")
        ts = self._surroundings.wall_ms()
        here = self.reach_one(sender, to, text, ts)
        if self._cluster is None:
            done(here, None)
        else:
            self._cluster.count(SayToOne(sender, to, text, ts), here, done)

    def say_to_some(self, sender: str, to: list[str], text: str, done: Counted) -> None:
        """The same for the clients of some users; names that nobody has are skipped."""
        judge_text(text, "text")
        ts = self._surroundings.wall_ms()
        here = self.reach_some(sender, to, text, ts)
        if self._cluster is None:
            done(here, None)
        else:
            self._cluster.count(SayToSome(sender, to, text, ts), here, done)

    def reach_all(self, sender: str, text: str, ts: int) -> int:
        """Return how many clients of this node are reached; raise ChatError `rate_limited`."""
        self._everyone.judge_room()
        return self._everyone.deliver((BroadcastEvent(sender, text, ts),), self._surroundings)

    def reach_one(self, sender: str, to: str, text: str, ts: int) -> int:
        """Return how many clients of one user were reached on this node."""
        clients = self._users.clients(to)
        return Audience(clients).deliver((DirectEvent(sender, text, ts),), self._surroundings) if clients else 0

    def reach_some(self, sender: str, to: list[str], text: str, ts: int) -> int:
        """Return how many clients of some users were reached on this node."""
        event = MulticastEvent(sender, text, ts)
        return Audience(self._users.clients_of_all(to)).deliver((event,), self._surroundings)


def demand_somebody(to: str, delivered: int, trouble: BrokerUnavailable | None) -> int:
    """Return `delivered`; when that is 0 raise ChatError `no_such_user`, or `broker_unavailable` if nobody knows."""
    if delivered:
        return delivered
    if trouble is not None:
        raise ChatError("broker_unavailable", f"Nobody here is called {to!r}, and the other servers cannot be asked.")
    raise ChatError("no_such_user", f"Nobody here is called {to!r}.")


def _acknowledge_sum(
    session: Session, id: str | int | None, delivered: int, _trouble: BrokerUnavailable | None
) -> None:
    acknowledge(session, id, delivered)


def acknowledge(session: Session, id: str | int | None, delivered: int) -> None:
    """Answer with how many clients were reached, if an answer was asked for by giving an `id`."""
    if id is not None:
        session.send(Ack(delivered, id=id))
