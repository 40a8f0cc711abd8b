"""Why Redis cannot be used just now, as a sentence for whoever runs it.

What Redis says is never passed on as it stands: it may repeat what we sent, a password or somebody's words.

Read next: `redis_link.py`.
"""

from typing import Final

_ADVICE: Final = {
    "NOAUTH": "it wants a password: give one in the broker's URL",
    "WRONGPASS": "it does not know that user and password",
    "NOPERM": "this user may not use all commands, keys and channels that are needed",
    "LOADING": "it is reading its data from the disk",
    "MASTERDOWN": "it is a replica that has lost its master",
    "READONLY": "it is a replica, which takes no writes",
    "OOM": "its memory is full (maxmemory)",
    "MISCONF": "it cannot write its data to the disk and takes no writes",
    "MOVED": "it is a node of a cluster, which is not supported",
    "CROSSSLOT": "it is a node of a cluster, which is not supported",
    "CLUSTERDOWN": "it is a node of a cluster, which is not supported",
    "NOREPLICAS": "it has too few replicas to take writes",
    "BUSY": "a script keeps it busy",
    "DENIED": "it is in protected mode and takes connections of its own machine only",
    "NOPROTO": "it does not speak the protocol",
}

TEMPORARY: Final = frozenset(("OOM", "MISCONF", "NOREPLICAS", "BUSY"))
"""The connection is good; what was asked for is refused."""


def code_of(error: Exception) -> str:
    """Return the first word of an error reply: its kind."""
    return str(error).partition(" ")[0]


def explain(error: Exception) -> str:
    """Return a sentence about an error reply, without a capital or a full stop."""
    said, code = str(error), code_of(error)
    if "max number of clients" in said:
        return "it has all the clients that it takes (maxclients)"
    if "invalid password" in said or (code == "ERR" and "AUTH" in said):
        return "it does not accept the user and password of the broker's URL"
    if "DB index" in said:
        return "it has no database of that number"
    known = _ADVICE.get(code)
    if known is not None:
        return known
    return (
        f"it answers with an error ({code[:32]})" if code.isascii() and code.isalnum() else "it answers with an error"
    )
