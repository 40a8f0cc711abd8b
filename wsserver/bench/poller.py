"""A poller that is punctual: it sleeps whole milliseconds and spins through the rest.

epoll_wait(2) takes milliseconds, and the server's poller rounds up: a timer that fires a millisecond late is fine for a
heartbeat. A load of 5,000 messages a second would go out in bursts of five. So the last fraction is spent asking again
and again; a load tester has its core to itself, or the figures mean little anyway.

Read next: `worker.py`.
"""

from wsserver.reactor.poller import Poller


class PunctualPoller:
    """Wraps a poller; only `poll` differs."""

    def __init__(self, poller: Poller) -> None:
        self._poll = poller.poll
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister
        self.close = poller.close

    def poll(self, timeout_s: float | None) -> list[tuple[int, int]]:
        """Like the wrapped one's, but the timeout is rounded down to whole milliseconds."""
        return self._poll(None if timeout_s is None else int(timeout_s * 1000) / 1000)
