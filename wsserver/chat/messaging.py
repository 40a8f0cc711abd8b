"""What users say to each other outside channels: to all, to one, to some. Nothing of it is logged.

Read next: `users.py`, which knows who is where.
"""

from wsserver.chat.audience import Audience
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
    """Carries out `broadcast`, `direct` and `multicast`; each command has a twin that the server itself may call."""

    def __init__(self, surroundings: Surroundings, users: Users, everyone: Audience) -> None:
        self._surroundings = surroundings
        self._users = users
        self._everyone = everyone

    def broadcast(self, session: Session, command: Broadcast) -> None:
        """Say it to every client, the sender too."""
        delivered = self.say_to_all(self._users.identify(session), command.text)
        self._everyone.settle(session)
        acknowledge(session, command.id, delivered)

    def direct(self, session: Session, command: Direct) -> None:
        """Say it to every client of one user; raises ChatError `no_such_user`."""
        acknowledge(session, command.id, self.say_to_one(self._users.identify(session), command.to, command.text))

    def multicast(self, session: Session, command: Multicast) -> None:
        """Say it to every client of some users."""
        acknowledge(session, command.id, self.say_to_some(self._users.identify(session), command.to, command.text))

    def say_to_all(self, sender: str, text: str) -> int:
        """Return how many clients are reached; raise ChatError `rate_limited` when they miss too much already."""
        judge_text(text, "text")
        self._everyone.judge_room()
        event = BroadcastEvent(sender, text, self._surroundings.wall_ms())
        return self._everyone.deliver((event,), self._surroundings)

    def say_to_one(self, sender: str, to: str, text: str) -> int:
        """Return how many clients were reached, at least one; raise ChatError `no_such_user` when there is none."""
        judge_name(to, "to")
        judge_text(text, "text")
        clients = self._users.clients(to)
        if not clients:
            raise ChatError("no_such_user", f"Nobody here is called {to!r}.")
        event = DirectEvent(sender, text, self._surroundings.wall_ms())
        return Audience(clients).deliver((event,), self._surroundings)

    def say_to_some(self, sender: str, to: list[str], text: str) -> int:
        """Return how many clients were reached; names that nobody has are skipped."""
        judge_text(text, "text")
        event = MulticastEvent(sender, text, self._surroundings.wall_ms())
        return Audience(self._users.clients_of_all(to)).deliver((event,), self._surroundings)


def acknowledge(session: Session, id: str | int | None, delivered: int) -> None:
    """Answer with how many clients were reached, if an answer was asked for by giving an `id`."""
    if id is not None:
        session.send(Ack(delivered, id=id))
