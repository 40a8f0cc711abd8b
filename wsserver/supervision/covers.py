"""Who accepts for a worker that does not: its sockets are open in all the others, and one of them takes its place.

Read next: `supervisor.py`.
"""

from collections.abc import Sequence

from wsserver.chat.homes import Homes
from wsserver.supervision.child import Child, Stage
from wsserver.supervision.orders import Cover, Uncover


class Covers:
    """Those that have been told to accept for somebody."""

    def __init__(self, children: Sequence[Child], shared: bool, homes: Homes | None = None) -> None:
        """`shared`: all accept from the same sockets. `homes` says to whom clients are handed, where they are."""
        self._children = children
        self._shared = shared
        self._homes = homes
        self._covers: dict[int, Child] = {}  # index of a worker that does not accept -> who does so for it

    def settle(self) -> None:
        """See that somebody accepts for each worker that does not serve, and nobody else for those that do."""
        if self._shared and self._homes is None:
            return  # nobody has to be told anything
        serving = [child for child in self._children if child.stage is Stage.SERVING]
        for child in self._children:
            if self._homes is not None:
                self._homes.cover(child.index, child not in serving)
            cover = self._covers.get(child.index)
            if cover is not None and (child in serving or cover not in serving):
                del self._covers[child.index]
                cover.say(Uncover(child.index))  # one that is silent hears it when it is back
            if child not in serving and serving and child.index not in self._covers:
                cover = serving[child.index % len(serving)]
                self._covers[child.index] = cover
                cover.say(Cover(child.index))
