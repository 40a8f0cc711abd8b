"""Channels as rooms: clients come in, look around, read what was said, and go.

Before anybody comes or goes, what this turn has said there so far is committed: whoever leaves still hears it, whoever
joins reads it, and nobody hears it twice. What is said is `posting.py`'s; who is told of comings and goings, the
announcer's.

Read next: `history.py`, `presence.py`.
"""

from wsserver.chat.announcer import Announcer
from wsserver.chat.batch import Batch
from wsserver.chat.catchup import CatchUp
from wsserver.chat.channels import Channel, Channels
from wsserver.chat.errors import ChatError
from wsserver.chat.history import Recovery, read_page, recover
from wsserver.chat.homes import Homes
from wsserver.chat.log import Log
from wsserver.chat.names import judge_channel
from wsserver.chat.neighbours import Neighbours
from wsserver.chat.replicas import Replicas
from wsserver.chat.session import Session
from wsserver.chat.settings import ChatSettings
from wsserver.chat.users import Users
from wsserver.chat.vocabulary import History, HistoryPage, Join, Joined, Leave, Left, Presence, PresenceList
from wsserver.clients.router import Surroundings


class Rooms:
    """Carries out `join`, `leave`, `presence` and `history`, and what a lost connection means for its channels."""

    def __init__(
        self,
        surroundings: Surroundings,
        settings: ChatSettings,
        log: Log,
        channels: Channels,
        users: Users,
        batch: Batch,
        replicas: Replicas | None = None,
        homes: Homes | None = None,
    ) -> None:
        """`replicas`: the log, where there are other nodes; `neighbours` are to be set then.

        `homes` hears who is a member here.
        """
        self._surroundings = surroundings
        self._settings = settings
        self._log = log
        self._channels = channels
        self._users = users
        self._batch = batch
        self._replicas = replicas
        self._homes = homes
        self.announcer = Announcer(surroundings, channels, settings.names)
        self.neighbours: Neighbours | None = None

    def join(self, session: Session, command: Join) -> None:
        """Make the client a member; one that is a member already gets a fresh `joined`.

        Everything that can go wrong is tried before anything changes.
        """
        if self._channels.find(command.channel) is None:  # else it is a good one
            judge_channel(command.channel)
        member = command.channel in session.channels
        if not member and len(session.channels) >= self._settings.channels_per_client:
            raise ChatError("too_many_channels", f"You are in {len(session.channels)} channels; leave one first.")
        if session.user is not None:
            self._users.identify(session, command.user)
        self._judge_right(session, session.user or command.user, command.channel)
        user = self._users.identify(session, command.user)
        channel = self._channels.open(command.channel)
        self._batch.settle(session, channel)
        recovery = recover(self._log, command, self._settings.recovery_limit)
        if member:
            self._stop_listening(session, channel)
        else:
            self._enter(session, channel, user)
        self._listen(session, channel, recovery)
        self._welcome(session, channel, recovery, command)

    def leave(self, session: Session, command: Leave) -> None:
        """Make the client a member no longer; one that was none is told the same."""
        judge_channel(command.channel)
        channel = session.channels.get(command.channel)
        if channel is not None:
            self._batch.settle(session, channel)
            self._exit(session, channel, clean=True)
        session.send(Left(command.channel, id=command.id))

    def presence(self, session: Session, command: Presence) -> None:
        """Answer who is there."""
        channel = session.member_of(command.channel)
        channel.audience.settle(session)
        roster = channel.roster
        users = roster.first_names(self._settings.names)
        session.send(PresenceList(command.channel, users.names, roster.count, users.more, id=command.id))

    def history(self, session: Session, command: History) -> None:
        """Answer with a page of the log."""
        channel = session.member_of(command.channel)
        self._batch.settle(session, channel)
        channel.audience.settle(session)
        page = read_page(self._log, command)
        session.send(HistoryPage(command.channel, page.head.epoch, page.messages, page.more, id=command.id))

    def exit_all(self, session: Session, clean: bool) -> None:
        """The connection has ended: leave all channels, with the grace of the lost unless it was `clean`."""
        for channel in session.channels.values():
            self._exit(session, channel, clean)

    def leave_uncovered(self, session: Session) -> None:
        """Leave every channel that the session's new token does not cover, and say so."""
        for name, channel in session.channels.items():
            if not session.covers(name):
                self._batch.settle(session, channel)
                sentence = f"Your new token does not cover the channel {name!r}: you have left it."
                session.refuse(ChatError("forbidden", sentence), None)
                self.leave(session, Leave(channel=name))

    def _judge_right(self, session: Session, user: str | None, channel: str) -> None:
        """Let somebody pass who may join; `user` is the name that the session has or wants, None for a guest."""
        if not session.covers(channel):
            raise ChatError("forbidden", f"Your token does not cover the channel {channel!r}.")
        members = self._channels.rule_of(channel).join
        if members is not None and user not in members:
            raise ChatError("forbidden", f"The channel {channel!r} is only for some users, and you are none of them.")

    def _enter(self, session: Session, channel: Channel, user: str) -> None:
        session.enter(channel)
        self._channels.wake(channel)
        channel.roster.enter(user, self._surroundings.monotonic())
        if self.neighbours is not None:
            self.neighbours.enter(channel.name, user)
        if self._homes is not None:
            self._homes.enter(channel.name)
        self.announcer.watch(channel)

    def _exit(self, session: Session, channel: Channel, clean: bool) -> None:
        self._stop_listening(session, channel)
        session.exit(channel)
        user = self._users.identify(session)
        now = self._surroundings.monotonic()
        if clean:
            channel.roster.leave(user, now)
        else:
            channel.roster.lose(user, now, self._settings.leave_grace_s)
        if self.neighbours is not None:
            self.neighbours.exit(channel.name, user, clean)
        if self._homes is not None:
            self._homes.exit(channel.name)
        self.announcer.watch(channel)
        self._channels.settle(channel)
        if self._replicas is not None and not session_left(channel):
            self._replicas.copies.idle(channel.name)

    def _listen(self, session: Session, channel: Channel, recovery: Recovery) -> None:
        """Let the client hear the channel, which it does not yet: live, or first the rest of what it missed."""
        if recovery.complete:
            channel.audience.add(session)
        else:
            CatchUp(self._surroundings, self._log, session, channel, recovery.messages[-1].seq)

    def _stop_listening(self, session: Session, channel: Channel) -> None:
        channel.audience.discard(session)
        catch_up = channel.catching_up.get(session)
        if catch_up is not None:
            catch_up.cancel()

    def _welcome(self, session: Session, channel: Channel, recovery: Recovery, command: Join) -> None:
        roster = channel.roster
        users = roster.first_names(self._settings.names)
        session.send(Joined(
            channel.name, channel.cid, recovery.head.epoch, recovery.head.seq, users.names, roster.count,
            recovery.messages, recovery.recovered, users.more, id=command.id,
        ))  # fmt: skip


def session_left(channel: Channel) -> bool:
    """Tell whether any client of this node is in `channel`."""
    return bool(channel.audience.groups or channel.catching_up)
