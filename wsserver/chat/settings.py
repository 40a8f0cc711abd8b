"""The numbers of the chat that are in force, each with its reason. Nothing here reads a file.

Read next: `router.py`, which hands them to the parts.
"""

from dataclasses import dataclass

from wsserver import __version__


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Sizes are bytes, times seconds. How many messages a channel keeps is the store's business, not ours."""

    recovery_limit: int = 1000
    """A client that missed more reads the newest page instead: it will not read a thousand lines anyway."""
    leave_grace_s: float = 5.0
    """A lost connection is usually back in a few seconds: nobody need be told."""
    names: int = 100
    """User names in one event; a page shows fewer. What is over is counted."""
    channels_per_client: int = 128
    """Centrifugo's limit; the same number bounds the topic patterns of a client."""
    channels: int = 100_000
    """Of one server, those without members included; beyond it the ones that rest longest are forgotten."""
    gather_s: float = 0.0
    """For how long messages that come thick may wait for company (`company.py`); 0: none waits."""
    heartbeat_s: float = 25.0
    """Announced in `welcome`: a client that heard nothing for much longer may assume that the server is gone."""
    max_message: int = 64 * 1024
    """Announced in `welcome`."""
    auth_timeout_s: float = 10.0
    """Centrifugo's: for one message that a client has ready. Only where tokens are asked for."""
    server: str = f"wsserver/{__version__}"
    """Announced in `welcome`."""
