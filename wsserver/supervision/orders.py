"""What a supervisor and its workers say to each other: one JSON object a line, over a socket pair.

    supervisor   Begin            Cover / Uncover   TakeOn   Report   Drain   End            Measure             Sum
    worker              Ready                                                        SumUp             Measured
                        Failed    and it ends

    supervisor   Ping             every two seconds
    worker              Pong

Signals would say less: they carry nothing, and a terminal or a service manager sends them to the workers too.

Read next: `link.py`, which carries them.
"""

from typing import Final

import msgspec

from wsserver.config import Config
from wsserver.observe.families import Snapshot
from wsserver.supervision.exchange import Shares

LINE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one line: a configuration takes some KiB, one with rules for 100,000 channels 10 MiB."""


class Begin(msgspec.Struct, tag=True, frozen=True):
    """Be worker `index`. The first thing that is said."""

    index: int
    config: Config
    listeners: list[list[int]]
    """The file descriptors of each worker's listening sockets, by its index; all the same where they are shared."""
    admin: list[int]
    """Those of the admin port, which all workers share."""
    hub: int | None
    """The way to the hub; None where the workers meet elsewhere."""
    core: int | None
    """The one to run on; None: whichever the kernel finds."""
    exchange: Shares | None = None
    """What lets it hand clients to the others; None: it keeps those that it has."""


class Cover(msgspec.Struct, tag=True, frozen=True):
    """Worker `index` is down: take in from its sockets too, so that nobody waits for its successor."""

    index: int


class Uncover(msgspec.Struct, tag=True, frozen=True):
    """It is back."""

    index: int


class TakeOn(msgspec.Struct, tag=True, frozen=True):
    """The configuration was read again."""

    config: Config


class Report(msgspec.Struct, tag=True, frozen=True):
    """Write your state to the log."""


class Ping(msgspec.Struct, tag=True, frozen=True):
    """Are you there?"""


class Measure(msgspec.Struct, tag=True, frozen=True):
    """Say your numbers; `number` tells answers apart."""

    number: int


class Sum(msgspec.Struct, tag=True, frozen=True):
    """These are the numbers of all, as far as they have answered: to the `SumUp` of that number."""

    number: int
    snapshot: Snapshot


class Drain(msgspec.Struct, tag=True, frozen=True):
    """Send everybody away, then end."""


class End(msgspec.Struct, tag=True, frozen=True):
    """End now."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """I accept connections."""


class Pong(msgspec.Struct, tag=True, frozen=True):
    """I am: my reactor turns."""


class SumUp(msgspec.Struct, tag=True, frozen=True):
    """I am asked for everybody's numbers; these are mine."""

    number: int
    own: Snapshot


class Measured(msgspec.Struct, tag=True, frozen=True):
    """These are my numbers: to the `Measure` of that number."""

    number: int
    snapshot: Snapshot


class Failed(msgspec.Struct, tag=True, frozen=True):
    """I cannot start: a sentence for people, and the exit code that it deserves."""

    sentence: str
    code: int


ToWorker = Begin | Cover | Uncover | TakeOn | Report | Ping | Measure | Sum | Drain | End
ToSupervisor = Ready | Pong | SumUp | Measured | Failed
Line = ToWorker | ToSupervisor

encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(Line).decode
"""Raises msgspec.MsgspecError for what is no line of ours."""
