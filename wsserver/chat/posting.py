"""What members say in a channel: text, which is logged and numbered, and binary messages, which only pass through.

The hottest path of the chat: a text is looked up, judged and put into the batch of the turn; all else happens once for
many, in `batch.py`.

Read next: `batch.py`.
"""

from typing import Final

from wsserver.chat.batch import Batch
from wsserver.chat.channels import Channels
from wsserver.chat.errors import ChatError
from wsserver.chat.log import Stored
from wsserver.chat.names import judge_channel, judge_name, judge_text
from wsserver.chat.session import Session
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import KEY_CHARS, Message
from wsserver.clients.router import Surroundings
from wsserver.websocket.codes import BINARY

CID_BYTES: Final = 4
"""A binary message begins with the number of its channel, big endian."""


class Posting:
    """Takes what is said."""

    def __init__(self, surroundings: Surroundings, channels: Channels, users: Users, batch: Batch) -> None:
        self._surroundings = surroundings
        self._channels = channels
        self._users = users
        self._batch = batch

    def message(self, session: Session, command: Message) -> None:
        """Let a text wait for the end of the turn. Raises ChatError for strangers and for what no store can keep."""
        channel = session.member_of(command.channel)
        judge_text(command.text, "text")
        key = command.key
        if key is not None:
            judge_text(key, "key")
        user = session.user or self._users.identify(session)  # a member has a name
        self._batch.add(session, command.id, channel, user, command.text, key)

    def relay(self, session: Session, payload: bytes) -> None:
        """Hand a binary message to all members of the channel that it names, as it is, unlogged."""
        if len(payload) < CID_BYTES:
            raise ChatError("bad_message", "A binary frame begins with the `cid` of its channel, 4 bytes, big endian.")
        cid = int.from_bytes(payload[:CID_BYTES], "big")
        channel = self._channels.find_cid(cid)
        if channel is None or session.channels.get(channel.name) is not channel:
            raise ChatError("not_joined", f"You are not a member of a channel with the number {cid}.")
        self._batch.settle(channel)  # texts of this turn that came first must be heard first
        channel.audience.relay(payload, self._surroundings)
        for other in channel.catching_up:
            other.peer.send(payload, BINARY)

    def post(self, channel_name: str, user: str, text: str, key: str | None = None) -> tuple[Stored, int]:
        """Publish as the server, now: return what became of the message, and how many clients heard it.

        Raises ChatError for bad names, texts and keys, and `store_unavailable`.
        """
        judge_channel(channel_name)
        judge_name(user, "user")
        if not text:
            raise ChatError("bad_message", "`text` must not be empty.")
        judge_text(text, "text")
        if key is not None:
            judge_text(key, "key")
            if not 1 <= len(key) <= KEY_CHARS:
                raise ChatError("bad_message", f"`key` must have 1 to {KEY_CHARS} characters.")
        channel = self._channels.open(channel_name)
        self._batch.add(None, None, channel, user, text, key)
        stored = self._batch.commit()
        if not stored:
            raise ChatError("store_unavailable", "The message could not be stored. Try again.")
        return stored[-1], 0 if stored[-1].duplicate else len(channel.audience)
