"""The log of all workers of a machine: what they send in a turn goes into the store together, and all hear of it.

    worker A  Append --\\                     /--> A: Outcome, then what B said
                        > one `append` a part
    worker B  Append --/                     \\--> B: what A said, then Outcome

Workers that are busy at the same time are appended for together (`hub_company.py`).

A part of the store (`Log.part_of`) has its own lane, so that channels that need no disk do not wait for one. In a lane
at most one append is on its way, and what comes meanwhile goes into the next. Each worker is told in the order of the
store, its own messages by their numbers alone: so it sees each channel without a gap.

Read next: `hub.py`; `hub_worker.py` for what happens when a worker does not read.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from wsserver.brokers.hub_channels import HubChannels
from wsserver.brokers.hub_company import HubCompany
from wsserver.brokers.hub_wire import Appended, Outcome, Refused, framed
from wsserver.brokers.hub_worker import HubWorker
from wsserver.chat import log
from wsserver.chat.log import Log, Publication, Stored, StoreUnavailable
from wsserver.reactor.loop import Reactor
from wsserver.reactor.timers import Timer

APPEND_LIMIT: Final = 1000
"""Messages for one append, or one batch of a worker if that has more: some 5 ms of the store's work."""

CLOG_S: Final = 2.0
"""So long all wait for a worker that is far behind; it may have to share its core."""

OUR_MISTAKE: Final = "the server made a mistake"


class _Parcel:
    """A batch of a worker. `due` pieces of it are not answered for yet: one for each part of the store."""

    __slots__ = ("due", "error", "number", "stored", "worker")

    def __init__(self, worker: HubWorker, number: int, due: int, size: int) -> None:
        self.worker = worker
        self.number = number
        self.due = due
        self.stored: list[Stored | None] = [None] * size if due > 1 else []
        self.error: str | None = None


class _Piece:
    """What of a parcel belongs to one part; `places` are where it stands in the parcel, None: it is all of it."""

    __slots__ = ("parcel", "places", "publications")

    def __init__(self, parcel: _Parcel, publications: list[Publication], places: list[int] | None) -> None:
        self.parcel = parcel
        self.publications = publications
        self.places = places


class _Lane:
    """What waits for one part."""

    __slots__ = ("alone", "out", "part", "waiting")

    def __init__(self, part: Log) -> None:
        self.part = part
        self.waiting: deque[_Piece] = deque()
        self.out = False  # an append is on its way
        self.alone = 0  # so many pieces go one by one: together one of them was too much for the store

    def take(self) -> list[_Piece]:
        """Remove and return what goes into the next append."""
        waiting = self.waiting
        if self.alone:
            self.alone -= 1
            return [waiting.popleft()]
        pieces: list[_Piece] = []
        size = 0
        while waiting and (not pieces or size + len(waiting[0].publications) <= APPEND_LIMIT):
            size += len(waiting[0].publications)
            pieces.append(waiting.popleft())
        return pieces


class HubLog:
    """Gathers and tells. The workers are the hub's."""

    def __init__(
        self,
        reactor: Reactor,
        channels: HubChannels,
        workers: Iterable[HubWorker],
        on_answered: Callable[[], None],
        patient: bool = False,
    ) -> None:
        """`workers` may change at any time; `on_answered` is called after the store has answered or refused.

        `patient`: many messages of one worker may wait a moment for those of others (`HubCompany`).
        """
        self._reactor = reactor
        self._channels = channels
        self._workers = workers
        self._on_answered = on_answered
        self._lanes: dict[int, _Lane] = {}  # by the identity of the part, which the store keeps alive
        self._armed = False
        self._company = HubCompany(patient)
        self._gathering: Timer | None = None  # while we wait for company
        self._patience: Timer | None = None  # while we wait for workers that are far behind

    def append(self, worker: HubWorker, number: int, batch: list[Publication]) -> None:
        """Store a batch with this turn's others, and tell `worker` and everybody what became of it."""
        part_of = self._channels.part_of
        parts = {channel: part_of(channel) for channel in {said.channel: None for said in batch}}
        lanes = {id(part): self._lane_of(part) for part in parts.values()}
        parcel = _Parcel(worker, number, len(lanes), len(batch))
        if len(lanes) == 1:
            [lane] = lanes.values()
            lane.waiting.append(_Piece(parcel, batch, None))
        else:
            self._split(parcel, batch, parts, lanes)
        self._company.came(worker, len(batch), self._reactor.now)
        self._gather()

    def _lane_of(self, part: Log) -> _Lane:
        lane = self._lanes.get(id(part))
        if lane is None:
            lane = self._lanes[id(part)] = _Lane(part)
        return lane

    def _split(self, parcel: _Parcel, batch: list[Publication], parts: dict[str, Log], lanes: dict[int, _Lane]) -> None:
        """Give each of several parts what is for it."""
        places: dict[int, list[int]] = {key: [] for key in lanes}
        for place, said in enumerate(batch):
            places[id(parts[said.channel])].append(place)
        for key, lane in lanes.items():
            lane.waiting.append(_Piece(parcel, [batch[place] for place in places[key]], places[key]))
        if not lanes:
            parcel.worker.send(framed(Outcome(parcel.number, [], [])))

    def forget(self, worker: HubWorker) -> None:
        """A worker has ended: the others do not wait for it."""
        self._company.gone(worker)
        if self._gathering is not None:
            self._gather()

    def go_on(self) -> None:
        """A worker has gone: if it was the one that all waited for, do not."""
        self._arm()

    def close(self) -> None:
        """Append nothing more."""
        for lane in self._lanes.values():
            lane.waiting.clear()
        self._stop_waiting()
        self._stop_gathering()

    # -- appending --------------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Append at the end of this turn, or a moment later if others are about to come."""
        wait_s = self._company.wait(self._reactor.now)
        if not wait_s:
            self._arm()
        elif self._gathering is None:
            self._gathering = self._reactor.call_later(wait_s, self._arm)

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def _arm(self) -> None:
        self._stop_gathering()
        if not self._armed:
            self._armed = True
            self._reactor.at_end_of_turn(self._commit_all)

    def _commit_all(self) -> None:
        self._armed = False
        if self._is_clogged():
            return
        self._company.went(self._reactor.now)
        left = False
        for lane in list(self._lanes.values()):
            if lane.waiting and not lane.out:
                self._commit(lane)
                left = left or (bool(lane.waiting) and not lane.out)
        if left and not self._armed:
            self._armed = True
            self._reactor.call_soon(self._commit_all)  # the next append is for the next turn

    def _commit(self, lane: _Lane) -> None:
        pieces = lane.take()
        batch = pieces[0].publications
        if len(pieces) > 1:
            batch = [publication for piece in pieces for publication in piece.publications]
        lane.out = True
        outcome: log.Outcome | None
        try:
            outcome = lane.part.append(batch, partial(self._arrive, lane, pieces))
        except Exception as error:
            outcome = error
        if outcome is not None:
            lane.out = False
            self._finish(lane, pieces, outcome)

    def _arrive(self, lane: _Lane, pieces: list[_Piece], outcome: log.Outcome) -> None:
        """The store has answered later."""
        lane.out = False
        self._finish(lane, pieces, outcome)
        self._arm()

    def _finish(self, lane: _Lane, pieces: list[_Piece], outcome: log.Outcome) -> None:
        if isinstance(outcome, list):
            self._tell(pieces, outcome)
        elif not isinstance(outcome, StoreUnavailable) and len(pieces) > 1:
            lane.waiting.extendleft(reversed(pieces))  # one of them is bad: find it, and store the others
            lane.alone = len(pieces)
            self._arm()
        else:
            if not isinstance(outcome, StoreUnavailable):
                self._reactor.report(outcome)
            for piece in pieces:
                self._refuse(piece.parcel, str(outcome) if isinstance(outcome, StoreUnavailable) else OUR_MISTAKE)
        self._on_answered()

    # -- telling ----------------------------------------------------------------------------------------------------

    def _tell(self, pieces: list[_Piece], outcome: list[Stored]) -> None:
        at = 0
        for piece in pieces:
            stored = outcome
            if len(pieces) > 1:
                stored = outcome[at : at + len(piece.publications)]
                at += len(stored)
            self._announce(piece.parcel.worker, stored)
            self._answer(piece, stored)

    def _announce(self, sender: HubWorker, stored: list[Stored]) -> None:
        """Tell the other workers that have opened the channels; as a rule each has opened all of them, or none."""
        others = [worker for worker in self._workers if worker is not sender]
        if not others:
            return
        frame = b""
        messages = [one.message for one in stored if not one.duplicate]
        channels = {message.channel for message in messages}
        for worker in others:
            if channels.isdisjoint(worker.opened):
                continue
            if channels <= worker.opened:
                frame = frame or framed(Appended(messages))
                worker.send(frame)
            else:
                worker.send(framed(Appended([message for message in messages if message.channel in worker.opened])))

    def _answer(self, piece: _Piece, stored: list[Stored]) -> None:
        parcel = piece.parcel
        if piece.places is not None:
            for place, one in zip(piece.places, stored, strict=True):
                parcel.stored[place] = one
            parcel.due -= 1
            if parcel.due:
                return
            if parcel.error is not None:
                parcel.worker.send(framed(Refused(parcel.number, parcel.error)))
                return
            stored = [one for one in parcel.stored if one is not None]
        seqs = [one.message.seq for one in stored]
        repeats = [(place, one.message.ts) for place, one in enumerate(stored) if one.duplicate]
        parcel.worker.send(framed(Outcome(parcel.number, seqs, repeats)))

    def _refuse(self, parcel: _Parcel, sentence: str) -> None:
        """Nothing of a piece was stored: the parcel as a whole was not, and the sender may try again."""
        parcel.due -= 1
        parcel.error = sentence
        if not parcel.due:
            parcel.worker.send(framed(Refused(parcel.number, sentence)))

    # -- workers that are far behind --------------------------------------------------------------------------------

    def _is_clogged(self) -> bool:
        """Tell whether to wait for a worker, and see to it that this has an end."""
        clogged = [worker for worker in self._workers if worker.clogged]
        for worker in clogged:
            worker.when_drained(self._arm)
        if not clogged:
            self._stop_waiting()
        elif self._patience is None:
            self._patience = self._reactor.call_later(CLOG_S, self._lose_patience)
        return bool(clogged)

    def _lose_patience(self) -> None:
        self._patience = None
        for worker in [worker for worker in self._workers if worker.clogged]:
            worker.cut("it does not read what it is sent (the others would wait)")
        self._arm()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
