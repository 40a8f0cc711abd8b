"""The hub: where the workers of one machine meet. It lives in their supervisor, owns the store, and serves no client.

    worker A --- socket --- [ HubWorker ]         HubLog        the store: everybody's messages, in one order
    worker B --- socket --- [ HubWorker ]  Hub    HubReads      what was there before
                                                  HubRosters    who is where
                                                  HubQuestions  asked of all

A socket's order is the order of things: what a worker hears of a channel it hears in the order of the store, from the
moment it has opened it. Nothing is lost on the way but with a worker or with the hub, and neither lives on then: a
worker that says what cannot be understood or does not read is cut off, and ends; one whose hub is gone ends too.

Read next: `hub_log.py`, the hot path; `hub_link.py`, the other end.
"""

from collections.abc import Callable
from socket import SocketType
from typing import Final, Protocol

from wsserver.brokers.hub_channels import HubChannels
from wsserver.brokers.hub_log import HubLog
from wsserver.brokers.hub_questions import HubQuestions
from wsserver.brokers.hub_reads import HubReads
from wsserver.brokers.hub_rosters import HubRosters
from wsserver.brokers.hub_wire import (
    Announced,
    Answer,
    Append,
    Asking,
    Binary,
    Close,
    FromWorker,
    Glance,
    Gone,
    Goodbye,
    Hello,
    Moved,
    Open,
    Opened,
    Read,
    Refused,
    Trouble,
    frame,
    framed,
)
from wsserver.brokers.hub_worker import HubWorker
from wsserver.chat.broker import Move
from wsserver.chat.log import Log, StoreUnavailable
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

NO_STORE: Final = "this server keeps its messages elsewhere"

LOOK_S: Final = 0.25
"""So often a store that is in trouble is looked at: it tries itself not sooner (`stores/sqlite.py`, RETRY_FIRST_S)."""


class Store(Log, Protocol):
    """A log of this process."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be stored just now; None when all is well."""


class Hub:
    """`admit` a socket for each worker; `close` when the last has gone, before the store is closed."""

    def __init__(
        self,
        reactor: Reactor,
        store: Store | None,
        on_cut: Callable[[str, str], None] = lambda _node, _why: None,
        patient: bool = False,
    ) -> None:
        """`store` is None where the log is elsewhere and the hub only carries words.

        `on_cut(node, why)` is told of every worker whose link ends without a goodbye. `patient`: many
        messages of one worker may wait a moment for those of others.
        """
        self._reactor = reactor
        self._store = store
        self._on_cut = on_cut
        self._workers: dict[HubWorker, Callable[[], None] | None] = {}  # in the order in which they came, nameless too
        channels = HubChannels(store, self._is_open)
        self._channels = channels
        self._log = HubLog(reactor, channels, self._workers, self.tell_trouble, patient)
        self._reads = HubReads(reactor, channels)
        self._questions = HubQuestions(reactor)
        self._rosters = HubRosters()
        self._trouble: str | None = None  # what the workers know of the store
        self._look: Timer | None = None
        self._handlers: dict[type, Callable[..., None]] = {
            Append: self._on_append,
            Glance: self._on_question,
            Read: self._on_question,
            Open: self._on_open,
            Close: self._on_close,
            Announced: self._on_carried,
            Binary: self._on_carried,
            Moved: self._on_moved,
            Asking: self._on_asking,
            Answer: self._on_answer,
            Goodbye: self._on_goodbye,
        }

    def __len__(self) -> int:
        """How many workers are here."""
        return len(self._workers)

    def admit(self, sock: SocketType, on_cut: Callable[[], None] | None = None) -> None:
        """Serve the worker at the other end of `sock`, which is connected, and ours from now on.

        `on_cut()` is called when its link ends without a goodbye: if its process hangs, it cannot see that.
        """
        sock.setblocking(False)
        self._workers[HubWorker(self._reactor, sock, self)] = on_cut

    def close(self) -> None:
        """Let go of all workers, which then end, if there are any."""
        self._log.close()
        self._reads.close()
        if self._look is not None:
            self._look.cancel()
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    def tell_trouble(self) -> None:
        """See whether the store is in trouble, or well again, and tell the workers if that is news."""
        trouble = self._store.trouble if self._store is not None else None
        if trouble is not None and self._look is None:
            self._look = self._reactor.call_later(LOOK_S, self._look_again)
        if trouble != self._trouble:
            self._trouble = trouble
            for worker in self._workers:
                worker.send(framed(Trouble(trouble)))

    def _look_again(self) -> None:
        self._look = None
        self.tell_trouble()

    def _is_new(self, node: str) -> bool:
        return node != "" and all(other.node != node for other in self._workers)

    def _is_open(self, channel: str) -> bool:
        return any(channel in worker.opened for worker in self._workers)

    # -- what workers say -------------------------------------------------------------------------------------------

    def on_item(self, worker: HubWorker, item: FromWorker, data: bytes) -> None:
        """Do what is asked; before it has said hello a worker may say nothing else."""
        if worker.node and type(item) is not Hello:
            self._handlers[type(item)](worker, item, data)
        elif isinstance(item, Hello) and not worker.node and self._is_new(item.node):
            worker.node = item.node
            if self._trouble is not None:
                worker.send(framed(Trouble(self._trouble)))
        else:
            worker.cut("it does not say who it is, or says it twice")

    def _on_append(self, worker: HubWorker, item: Append, _data: bytes) -> None:
        if self._store is None:
            worker.send(framed(Refused(item.number, NO_STORE)))
        else:
            self._log.append(worker, item.number, item.batch)

    def _on_question(self, worker: HubWorker, item: Glance | Read, _data: bytes) -> None:
        if self._store is None:
            worker.send(framed(Refused(item.number, NO_STORE)))
        else:
            self._reads.ask(worker, item)

    def _on_open(self, worker: HubWorker, item: Open, _data: bytes) -> None:
        channel, epoch = item.channel, ""
        worker.opened.add(channel)
        if self._store is not None:
            try:
                epoch = self._channels.part_of(channel).head(channel).epoch
            except StoreUnavailable:
                pass  # it is told by the answer to a glance, once there is one
        roster = self._rosters.of(channel, but=worker.node)
        worker.send(framed(Opened(channel, self._channels.number_of(channel), epoch, roster)))

    def _on_close(self, worker: HubWorker, item: Close, _data: bytes) -> None:
        worker.opened.discard(item.channel)

    def _on_carried(self, worker: HubWorker, item: Announced | Binary | Moved, data: bytes) -> None:
        """Hand it on, as it is, to those who want to hear of that channel."""
        channel, out = item.channel, b""
        for other in self._workers:
            if other is not worker and channel in other.opened:
                out = out or frame(data)
                other.send(out)

    def _on_moved(self, worker: HubWorker, item: Moved, data: bytes) -> None:
        if item.node != worker.node:
            worker.cut("it speaks for another worker")
            return
        self._rosters.move(item.node, item.channel, item.user, item.move)
        self._on_carried(worker, item, data)

    def _on_asking(self, worker: HubWorker, item: Asking, _data: bytes) -> None:
        self._questions.ask(worker, item.number, item.question, self._others(worker))

    def _on_answer(self, worker: HubWorker, item: Answer, _data: bytes) -> None:
        self._questions.answer(worker, item.number, item.value)

    def _on_goodbye(self, worker: HubWorker, _item: Goodbye, _data: bytes) -> None:
        for channel, user in self._rosters.drop(worker.node):
            out = Moved(worker.node, channel, user, Move.LEAVE)
            for other in self._others(worker):
                if channel in other.opened:
                    other.send(framed(out))
        worker.close()
        self._forget(worker)

    def _others(self, worker: HubWorker) -> list[HubWorker]:
        return [other for other in self._workers if other is not worker and other.node]

    # -- how they end -----------------------------------------------------------------------------------------------

    def on_end(self, worker: HubWorker, why: str) -> None:
        """A worker has ended, or was cut off: its users are lost."""
        on_cut = self._workers.get(worker)
        self._forget(worker)
        for _ in self._rosters.drop(worker.node):
            pass
        if worker.node:
            out = framed(Gone(worker.node))
            for other in self._others(worker):
                other.send(out)
        self._on_cut(worker.node, why)
        if on_cut is not None:
            on_cut()

    def _forget(self, worker: HubWorker) -> None:
        self._workers.pop(worker, None)
        self._log.forget(worker)
        self._questions.drop(worker)
        self._log.go_on()
