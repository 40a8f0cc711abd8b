"""Who subscribed to which topics: exact ones, and prefixes written `news.*`. Pure.

A publish must not be compared with every subscription there is. Exact topics are one dict; prefixes are kept by their
length, so a topic costs one lookup for each different length of prefix in use (255 at most, three or four in practice).

Read next: `pubsub.py`, which carries out the commands.
"""

from collections.abc import Iterable

from wsserver.chat.session import Session

Subscribers = dict[Session, None]


class Topics:
    """All subscriptions. What a session subscribed to stands in `session.patterns` too, so it can be taken back."""

    def __init__(self) -> None:
        self._exact: dict[str, Subscribers] = {}
        self._prefixes: dict[int, dict[str, Subscribers]] = {}  # length -> prefix -> who

    def __len__(self) -> int:
        """How many different patterns somebody subscribed to."""
        return len(self._exact) + sum(map(len, self._prefixes.values()))

    def subscribe(self, session: Session, pattern: str) -> None:
        """Note that `session` wants `pattern` (a good one); a second time changes nothing."""
        if session.patterns is None:
            session.patterns = set()
        session.patterns.add(pattern)
        table, key = self._place(pattern)
        table.setdefault(key, {})[session] = None

    def unsubscribe(self, session: Session, pattern: str) -> None:
        """Take one subscription back; nothing happens when there was none."""
        if session.patterns is None or pattern not in session.patterns:
            return
        session.patterns.remove(pattern)
        table, key = self._place(pattern)
        subscribers = table.setdefault(key, {})  # it is not there if subscribing failed half-way
        subscribers.pop(session, None)
        if not subscribers:
            del table[key]
            if not table and table is not self._exact:
                del self._prefixes[len(key)]

    def forget(self, session: Session) -> None:
        """Take all subscriptions of a session back."""
        for pattern in tuple(session.patterns or ()):
            self.unsubscribe(session, pattern)
        session.patterns = None

    def subscribers(self, topic: str) -> Iterable[Session]:
        """Return who gets what is published on `topic`, each once however many patterns match."""
        found = dict(self._exact.get(topic, ()))
        for length, prefixes in self._prefixes.items():
            if length <= len(topic):
                found.update(prefixes.get(topic[:length], ()))
        return found

    def _place(self, pattern: str) -> tuple[dict[str, Subscribers], str]:
        """Return the table that `pattern` belongs into, and its key there."""
        if not pattern.endswith("*"):
            return self._exact, pattern
        prefix = pattern[:-1]
        return self._prefixes.setdefault(len(prefix), {}), prefix
