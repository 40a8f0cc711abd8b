"""What other programs tell the server to do: publish, broadcast, direct, publish on a topic, disconnect.

They speak as the server, not as a client: under any good name, in every channel, above no rate. All else is as with
clients. A message of a channel goes the way of all messages, log first, so its answer may come in a later turn.
Nobody there is no error: `delivered` is 0. If nobody knows that, for other nodes cannot be asked, it is 503.

Read next: `chat/posting.py`, for the way of a message; `bodies.py`, for what may be said.
"""

import logging
from functools import partial
from typing import Final

from wsserver.api.answers import ApiError, answer, from_chat, from_store, refusal
from wsserver.api.bodies import BroadcastBody, DirectBody, DisconnectBody, PublishBody, TopicBody
from wsserver.api.feeds import Feeds
from wsserver.chat.broker import BrokerUnavailable, CountHearers, Kick
from wsserver.chat.cluster import Counted
from wsserver.chat.errors import ChatError
from wsserver.chat.log import Log, NotYet, StoreUnavailable
from wsserver.chat.names import judge_name
from wsserver.chat.posting import Posted
from wsserver.chat.router import ChatRouter
from wsserver.clients.visit import Visit

SERVER: Final = "server"
"""The name under which the server speaks if no other is given."""

KICKED: Final = "kicked"
"""What a client is told whose user was disconnected."""

_LATE: Final = refusal(from_chat(ChatError("store_unavailable", "The store did not answer in time. Try again.")))

_logger: Final = logging.getLogger(__name__)


class Calls:
    """Carries out calls; each answers the visit, at once or later. All raise ChatError."""

    def __init__(self, chat: ChatRouter, log: Log, feeds: Feeds) -> None:
        self._chat = chat
        self._log = log
        self._feeds = feeds

    def publish(self, visit: Visit, body: PublishBody) -> None:
        """Say something in a channel; answers when the log has it.

        Raises ChatError. After that long without a word of the store nobody knows: a `key` makes asking again safe.
        """

        def done(outcome: Posted | ChatError) -> None:
            if isinstance(outcome, ChatError):
                visit.answer(refusal(from_chat(outcome)))
            elif self._chat.cluster is None or outcome.duplicate:
                self._tell(visit, body.channel, outcome, outcome.delivered)
            else:
                asked = CountHearers(body.channel)
                self._chat.cluster.count(
                    asked, outcome.delivered, lambda heard, _: self._tell(visit, body.channel, outcome, heard)
                )

        visit.late = _LATE
        try:
            self._chat.posting.post(body.channel, _name(body.user), body.text, body.key, done)
        except ChatError:
            raise
        except Exception:  # of the log, or of whoever else was to hear it: for them it is one mistake, told once
            _logger.exception("publishing failed")
            raise ApiError(500, "The server made a mistake; it is in its log.") from None

    def _tell(self, visit: Visit, channel: str, posted: Posted, delivered: int) -> None:
        """Answer what was published, as soon as it is known which log that is."""
        try:
            epoch = self._log.head(channel).epoch
        except NotYet as error:
            error.when_ready(partial(self._tell, visit, channel, posted, delivered))
            return
        except StoreUnavailable as error:
            visit.answer(refusal(from_store(error)))
            return
        except ChatError as error:
            visit.answer(refusal(from_chat(error)))
            return
        result = {"seq": posted.seq, "epoch": epoch, "ts": posted.ts}
        visit.answer(answer({**result, "delivered": delivered, "duplicate": posted.duplicate}))

    def broadcast(self, visit: Visit, body: BroadcastBody) -> None:
        """Say something to everybody."""
        self._chat.messaging.say_to_all(_judged(body.user), body.text, _counter(visit, "delivered"))

    def direct(self, visit: Visit, body: DirectBody) -> None:
        """Say something to one user."""
        self._chat.messaging.say_to_one(_judged(body.user), body.to, body.text, _counter(visit, "delivered", sure=0))

    def publish_on_topic(self, visit: Visit, body: TopicBody) -> None:
        """Hand data to the subscribers of a topic."""
        self._chat.pubsub.say_on_topic(_judged(body.user), body.topic, body.data, _counter(visit, "delivered"))

    def disconnect(self, visit: Visit, body: DisconnectBody) -> None:
        """Close every connection of a user with 4503, and every stream that reads with a token of that user.

        If other nodes cannot be asked, those of this node are closed, and the answer is that it is to be asked again.
        """
        judge_name(body.user, "user")
        asked = Kick(body.user, KICKED)
        done = _counter(visit, "disconnected", sure=None)
        if self._chat.cluster is None:
            done(self.kick(asked), None)
        else:
            self._chat.cluster.count(asked, self.kick(asked), done)

    def kick(self, asked: Kick) -> int:
        """Do so on this node; return how many there were."""
        return self._chat.kick(asked.user, asked.reason) + self._feeds.disconnect(asked.user)


def _counter(visit: Visit, name: str, sure: int | None = -1) -> Counted:
    """Return what answers `visit` with a count; with 503 if nobody knows what other nodes have to do with it.

    That matters when the count is not above `sure`; with None it always does.
    """

    def done(count: int, trouble: BrokerUnavailable | None) -> None:
        if trouble is not None and (sure is None or count <= sure):
            sentence = f"Only this server was asked, where it is {count}: {trouble}. Ask again."
            visit.answer(refusal(from_chat(ChatError("broker_unavailable", sentence))))
        else:
            visit.answer(answer({name: count}))

    return done


def _name(user: str | None) -> str:
    return SERVER if user is None else user


def _judged(user: str | None) -> str:
    """Return the name that is spoken under; raise ChatError `bad_message` for one that nobody may have."""
    name = _name(user)
    judge_name(name, "user")
    return name
