"""A storm of connects: so many a second come, shake hands, and go, whatever happens to the server meanwhile.

Read next: `test_worker_death.py`.
"""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.scenarios.talking import open_raw

HANDS = 64
"""Connects on their way at once, at most: at 200 a second each may wait for 0.3 s before the storm slackens."""


@dataclass
class Knock:
    """What became of one: `waited_s` until it was let in, or `trouble`."""

    began: float
    waited_s: float = 0.0
    trouble: OSError | AssertionError | None = None


class Storm:
    """Knocks at /echo of the server on `port`, in threads of its own, `rate` times a second, `count` times."""

    def __init__(self, port, rate, count):
        self.knocks = []
        self._port, self._rate, self._count = port, rate, count
        self._thread = threading.Thread(target=self._run, name="storm", daemon=True)
        self._thread.start()

    def result(self):
        """Wait for its end; return all knocks."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.knocks

    def _run(self):
        begin = time.monotonic()
        with ThreadPoolExecutor(HANDS) as hands:
            for number in range(self._count):
                time.sleep(max(0.0, begin + number / self._rate - time.monotonic()))
                hands.submit(self._knock)

    def _knock(self):
        knock = Knock(time.monotonic())
        try:
            with contextlib.closing(open_raw(self._port)):
                knock.waited_s = time.monotonic() - knock.began
        except (OSError, AssertionError) as error:
            knock.trouble = error
        self.knocks.append(knock)
