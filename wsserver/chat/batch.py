"""The messages that one turn publishes, and what happens to them at its end: logged, then delivered, then acked.

This order is the promise of the chat (`docs/protocol.md`, what is promised): nobody sees a message that the log may
forget, and an ack says that the log has it. Waiting for the end of the turn makes it cheap: one transaction and
one write a client for all messages of the turn, whoever sent them. A log that answers later makes them wait longer, and
nothing else.

    add ... add ... add ---> end of turn: append -> fan out -> acks
                       \\---> or sooner, where something must not overtake them: `settle`

Read next: `lane.py` for what waits; `log.py` for what `append` promises; `share.py` for deliveries among other
nodes; `posting.py` and `rooms.py`, the callers.
"""

from functools import partial
from typing import Final

from wsserver.chat.audience import are_strangers
from wsserver.chat.channels import Channel
from wsserver.chat.company import ENOUGH, MANY
from wsserver.chat.errors import ChatError
from wsserver.chat.lane import BATCH_LIMIT, Lane, Origin, Sender, not_stored
from wsserver.chat.log import Log, Outcome, Publication, Stored, StoreUnavailable
from wsserver.chat.overdue import Overdue
from wsserver.chat.session import Session
from wsserver.chat.share import Courier, acknowledge, release, share_out
from wsserver.chat.vocabulary import MessageEvent
from wsserver.chat.waiting import Unsettled, Waiting
from wsserver.clients.router import Peer, Surroundings

AFAR: Final = 2
"""So many times as long may messages wait for company where the log lies elsewhere: another process has a turn for each
batch too, and ours one more. Two thousand a second in small rooms cost a seventh less for it."""


class Batch:
    """What waits, in a lane for each part of the log."""

    def __init__(
        self,
        surroundings: Surroundings,
        log: Log,
        waiting: Waiting,
        courier: Courier | None = None,
        gather_s: float = 0.0,
    ) -> None:
        """`waiting` is told when a batch that was out has arrived; a `courier` delivers in our place.

        `gather_s`: see `company.py`.
        """
        self._gather_s = gather_s if courier is None else AFAR * gather_s
        self._surroundings = surroundings
        self._log = log
        self._waiting = waiting
        self._courier = courier
        self._lanes: list[Lane] = []
        # statistics: messages since the start
        self.stored = 0
        self.duplicates = 0  # their key was there, so they were not stored again
        self.refused = 0

    def __len__(self) -> int:
        """How many messages gather."""
        return sum(len(lane.publications) for lane in self._lanes)

    def add(
        self, sender: Sender, id: str | int | None, channel: Channel, user: str, text: str, key: str | None
    ) -> None:
        """Let a message wait for the end of the turn; `sender` gets the ack if there is an `id`.

        Raises ChatError `store_unavailable` when too much waits for a slow store.
        """
        lane = channel.lane or self._lane_of(channel)
        publications = lane.publications
        if lane.out is not None:
            lane.judge_room(text)
            lane.ts = self._surroundings.wall_ms()  # it may gather for long
        elif not publications:
            lane.ts = self._surroundings.wall_ms()  # one reading for all of a turn
            if not lane.armed:
                self._surroundings.at_end_of_turn(lane.finish_turn)
                lane.armed = True  # not before it is so: else nothing would ever be committed again
        publications.append(Publication(channel.name, user, text, lane.ts, key))
        lane.origins.append((sender, id, channel))
        channel.pending += 1
        sender.pending += 1
        if lane.timer is not None:
            if len(publications) >= MANY:
                lane.call_off_wait()
                self._surroundings.at_end_of_turn(lane.end_wait)
        elif len(publications) >= BATCH_LIMIT and lane.out is None:
            self._commit(lane)

    def settle(self, sender: Sender, channel: Channel) -> None:
        """Commit now if anything waits for `channel`: what comes next must not overtake it.

        Raises Unsettled when that takes time and `sender` has a message among it. What others have on its way may be
        overtaken: it has no place in the order yet.
        """
        if channel.pending and channel.lane is not None:
            self._commit(channel.lane)
            if sender.pending:
                raise Unsettled

    def commit(self) -> None:
        """Log, deliver and ack what gathers, as far as nothing is on its way already."""
        for lane in self._lanes:
            self._commit(lane)

    def _lane_of(self, channel: Channel) -> Lane:
        part = self._log.part_of(channel.name)
        lane = next((lane for lane in self._lanes if lane.log is part), None)
        if lane is None:
            lane = Lane(part, self._arrive, self._finish_turn, self._end_wait, self._gather_s)
            self._lanes.append(lane)
            if self._courier is not None:
                trouble = partial(self._courier.trouble_of, channel.name)
                lane.overdue = Overdue(self._surroundings, lane, trouble, self._give_up).begin
        channel.lane = lane
        return lane

    def _finish_turn(self, lane: Lane) -> None:
        wait_s = lane.company.wait(len(lane.publications), self._surroundings.monotonic())
        if wait_s and lane.out is None:
            lane.timer = self._surroundings.call_later(wait_s, lane.end_wait)
        else:
            self._end_wait(lane)

    def _end_wait(self, lane: Lane) -> None:
        lane.armed = False
        lane.call_off_wait()
        self._commit(lane)

    def _commit(self, lane: Lane) -> None:
        """Give the log the next batch.

        A store that is not there costs the senders an error each, and nobody else anything.
        """
        if lane.out is not None or not lane.publications:
            return
        publications, origins = lane.take()
        lane.company.went(len(publications), self._surroundings.monotonic())
        lane.out = origins
        try:
            stored = lane.log.append(publications, lane.arrive)
        except Exception as error:
            lane.out = None
            self._finish(origins, error)
            return
        if stored is not None:
            lane.out = None
            self._finish(origins, stored)
        else:
            lane.overdue()

    def _give_up(self, lane: Lane, why: StoreUnavailable) -> None:
        """Refuse what gathers: what is out will not be answered for soon."""
        origins = lane.drop()
        if origins:
            self._finish(origins, why)
            self._waiting.resume()

    def _arrive(self, lane: Lane, outcome: Outcome) -> None:
        """The log has answered for the batch that was out: finish it, and send the next one after it."""
        origins, lane.out, lane.refusal = lane.out, None, None
        assert origins is not None, "a batch was answered for twice"
        try:
            if self._courier is not None and isinstance(outcome, list):
                self._hand_over(self._courier, origins, outcome)
            else:
                self._finish(origins, outcome)
        finally:
            self._go_on(lane, len(origins))
            self._waiting.resume()

    def _go_on(self, lane: Lane, answered: int) -> None:
        """Commit what gathered while a batch of `answered` messages was out.

        Where they are few, as they would be in any turn. Where one of both is many, a turn later, together with what
        clients say to what they are given now. Else a part of a busy channel would always be on its way while another
        gathers: twice as many deliveries, each of half the size.
        """
        if lane.armed or not lane.publications:
            return
        lane.armed = True
        if max(answered, len(lane.publications)) < ENOUGH:
            self._finish_turn(lane)
        else:
            lane.ts = self._surroundings.wall_ms()  # of what comes in that turn
            self._surroundings.call_later(0.0, partial(self._surroundings.at_end_of_turn, lane.end_wait))

    def _hand_over(self, courier: Courier, origins: list[Origin], outcome: list[Stored]) -> None:
        """Let each channel's messages be delivered between those of other nodes; whoever said them waits for that."""
        shares = share_out(origins, outcome, self._waiting.resume)
        fresh = sum([len(share.messages) for share in shares.values()])
        self.stored += fresh
        self.duplicates += len(origins) - fresh
        courier.bring(shares)

    def _finish(self, origins: list[Origin], outcome: Outcome) -> None:
        release(origins)
        if isinstance(outcome, list):
            self._deliver(origins, outcome)
            acknowledge(zip(origins, outcome, strict=True))
            return
        self.refused += len(origins)
        if isinstance(outcome, StoreUnavailable):
            _refuse(origins, not_stored(outcome))
        else:
            _refuse(origins, ChatError("internal", "The message could not be stored: the server made a mistake."))
            raise outcome

    def _deliver(self, origins: list[Origin], stored: list[Stored]) -> None:
        """Give each channel its messages of this turn, in their order, as one piece."""
        news: dict[Channel, list[MessageEvent]] = {}
        answered: set[Peer] = set()
        for (sender, id, channel), result in zip(origins, stored, strict=True):
            if not result.duplicate:
                news.setdefault(channel, []).append(result.message)
            if id is not None and isinstance(sender, Session):
                answered.add(sender.peer)
        fresh = sum(map(len, news.values()))
        self.stored += fresh
        self.duplicates += len(origins) - fresh
        at_once = are_strangers([channel.audience for channel in news])
        for channel, messages in news.items():
            channel.audience.deliver(messages, self._surroundings, channel.stream, at_once, answered)
            if channel.listener is not None:
                channel.listener.hear(messages)


def _refuse(origins: list[Origin], error: ChatError) -> None:
    for sender, id, _ in origins:
        sender.refuse(error, id)
