"""The store as the composition root has it: opened as configured, watched, and closed behind what is still on its way.

Read next: `stores/opening.py` for which store that is; `server.py`.
"""

from collections.abc import Callable
from typing import Final

from wsserver.config import Config
from wsserver.observe.store_log import StoreLog
from wsserver.reactor.loop import Reactor
from wsserver.reactor.offload import Offload
from wsserver.stores.engine import ReactorEngine
from wsserver.stores.opening import open_store

PATIENCE_S: Final = 5.0
"""What is being written at the end has so long to get onto the disk; a disk that hangs does not keep us."""


class Storage:
    """The store, and the threads that wait for its disk."""

    def __init__(
        self, reactor: Reactor, config: Config, history_of: Callable[[str], int], on_lost: Callable[[], None]
    ) -> None:
        """Open what `config.store` names. Raises StoreUnavailable.

        `history_of(channel)` is how many messages a channel keeps; `on_lost` is called when the store will not come
        back in this process.
        """
        self._offload = Offload(reactor.post)
        self.store = open_store(
            config.store.url,
            ReactorEngine(reactor, self._offload),
            StoreLog(on_lost),
            history_of,
            config.chat.history_age,
            config.store.durability == "power",
        )

    @property
    def fault(self) -> str | None:
        """Why nothing can be stored just now."""
        return None if self.store.trouble is None else f"store: {self.store.trouble}"

    def close(self) -> None:
        """Finish what is on its way and let go of the store. The reactor has turned for the last time."""
        if self._offload.close(PATIENCE_S):
            self.store.close()
