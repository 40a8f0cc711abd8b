"""What other programs tell the server to do: publish, broadcast, direct, publish on a topic, disconnect.

They speak as the server, not as a client: under any good name, in every channel, above no rate. All else is as with
clients. A message of a channel goes the way of all messages, log first, so its answer may come in a later turn.
Nobody there is no error: `delivered` is 0.

Read next: `chat/posting.py`, for the way of a message; `bodies.py`, for what may be said.
"""

import logging
from typing import Any, Final

from wsserver.api.answers import ApiError, answer, from_chat, from_store, refusal
from wsserver.api.bodies import BroadcastBody, DirectBody, DisconnectBody, PublishBody, TopicBody
from wsserver.api.feeds import Feeds
from wsserver.chat.errors import ChatError
from wsserver.chat.log import Log, StoreUnavailable
from wsserver.chat.names import judge_name
from wsserver.chat.posting import Posted
from wsserver.chat.router import ChatRouter
from wsserver.clients.visit import Visit

SERVER: Final = "server"
"""The name under which the server speaks if no other is given."""

_LATE: Final = refusal(from_chat(ChatError("store_unavailable", "The store did not answer in time. Try again.")))

_logger: Final = logging.getLogger(__name__)


class Calls:
    """Carries out calls; each returns what is answered, as far as it is known at once."""

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
                return
            try:
                epoch = self._log.head(body.channel).epoch
            except StoreUnavailable as error:
                visit.answer(refusal(from_store(error)))
                return
            result = {"seq": outcome.seq, "epoch": epoch, "ts": outcome.ts}
            visit.answer(answer({**result, "delivered": outcome.delivered, "duplicate": outcome.duplicate}))

        visit.late = _LATE
        try:
            self._chat.posting.post(body.channel, _name(body.user), body.text, body.key, done)
        except ChatError:
            raise
        except Exception:  # of the log, or of whoever else was to hear it: for them it is one mistake, told once
            _logger.exception("publishing failed")
            raise ApiError(500, "The server made a mistake; it is in its log.") from None

    def broadcast(self, body: BroadcastBody) -> dict[str, Any]:
        """Say something to everybody."""
        return _delivered(self._chat.messaging.say_to_all(_judged(body.user), body.text))

    def direct(self, body: DirectBody) -> dict[str, Any]:
        """Say something to one user."""
        try:
            return _delivered(self._chat.messaging.say_to_one(_judged(body.user), body.to, body.text))
        except ChatError as error:
            if error.code != "no_such_user":
                raise
            return _delivered(0)

    def publish_on_topic(self, body: TopicBody) -> dict[str, Any]:
        """Hand data to the subscribers of a topic."""
        return _delivered(self._chat.pubsub.say_on_topic(_judged(body.user), body.topic, body.data))

    def disconnect(self, body: DisconnectBody) -> dict[str, Any]:
        """Close every connection of a user with 4503, and every stream that reads with a token of that user."""
        judge_name(body.user, "user")
        return {"disconnected": self._chat.kick(body.user) + self._feeds.disconnect(body.user)}


def _delivered(count: int) -> dict[str, Any]:
    return {"delivered": count}


def _name(user: str | None) -> str:
    return SERVER if user is None else user


def _judged(user: str | None) -> str:
    """Return the name that is spoken under; raise ChatError `bad_message` for one that nobody may have."""
    name = _name(user)
    judge_name(name, "user")
    return name
