"""Answers what workers ask of the store, in slices: a turn of the hub stays short, whatever they ask.

Read next: `hub.py`.
"""

from collections import deque
from typing import Final

from wsserver.brokers.hub_channels import HubChannels
from wsserver.brokers.hub_wire import Found, Glance, Glanced, Read, Refused, framed
from wsserver.brokers.hub_worker import HubWorker
from wsserver.chat.log import StoreUnavailable
from wsserver.reactor.loop import Reactor

SLICE_S: Final = 0.003
"""Of a turn; messages that are published meanwhile wait so much longer."""

WAITING_LIMIT: Final = 100_000
"""Questions that wait: as many channels as a worker may have, each asked about once after the hub's other work."""


class HubReads:
    """First come, first served, but for workers that do not read their answers: those wait."""

    def __init__(self, reactor: Reactor, channels: HubChannels) -> None:
        self._reactor = reactor
        self._channels = channels
        self._waiting: deque[tuple[HubWorker, Glance | Read]] = deque()
        self._armed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, worker: HubWorker, question: Glance | Read) -> None:
        """Answer a question soon."""
        if len(self._waiting) >= WAITING_LIMIT:
            worker.send(framed(Refused(question.number, "too much is being read")))
            return
        self._waiting.append((worker, question))
        if not self._armed:
            self._armed = True
            self._reactor.at_end_of_turn(self._serve)

    def close(self) -> None:
        """Answer nothing more."""
        self._waiting.clear()

    def _serve(self) -> None:
        """Answer for a while. Once around the queue at most: who is clogged goes to its end."""
        monotonic, waiting = self._reactor.world.monotonic, self._waiting
        until = monotonic() + SLICE_S
        behind: list[tuple[HubWorker, Glance | Read]] = []
        try:
            while waiting and monotonic() < until:
                worker, question = waiting.popleft()
                if worker.clogged:
                    behind.append((worker, question))
                elif not worker.over:
                    self._answer(worker, question)
        finally:
            self._armed = bool(waiting)
            if self._armed:
                self._reactor.call_soon(self._serve)
            for worker, question in behind:
                worker.when_drained(self._again)
                waiting.append((worker, question))

    def _again(self) -> None:
        if self._waiting and not self._armed:
            self._armed = True
            self._reactor.call_soon(self._serve)

    def _answer(self, worker: HubWorker, question: Glance | Read) -> None:
        channel = question.channel
        answer: Glanced | Found | Refused
        try:
            part = self._channels.part_of(channel)
            if isinstance(question, Glance):
                head = part.head(channel)
                limit = question.limit
                messages = part.before(channel, head.seq + 1, limit) if limit else []
                answer = Glanced(question.number, head.epoch, head.seq, head.oldest, messages)
            else:
                count = question.last - question.first + 1
                answer = Found(question.number, part.after(channel, question.first - 1, count))
        except StoreUnavailable as error:
            answer = Refused(question.number, str(error))
        worker.send(framed(answer))
