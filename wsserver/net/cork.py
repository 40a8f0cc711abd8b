"""Sends the beginning of what a turn has to say, and lets it leave together with the rest: one packet instead of two.

The 101 has to be with the kernel before a client is OPEN, and what its router says then is queued for the end of the
turn. Two sends, of which the first costs as much as the second: 7 us of the 45 that it takes to open a connection. So
the kernel is told that more follows (MSG_MORE, send(2)): it takes the bytes and keeps them for the next send.

    send_ahead(101) -> kernel, corked     write(welcome) -> outbox -> [end of turn] flush -> both leave
                                          nothing written -> uncork ----------------------> it leaves

Where the kernel knows nothing of that (a Unix socket, other systems) the first part just leaves at once.

Read next: `transport.py`.
"""

import socket
from typing import Final

from wsserver.net.transport import Transport

_MORE: Final = getattr(socket, "MSG_MORE", 0)  # Linux


def send_ahead(transport: Transport, data: bytes) -> bool:
    """Give `data` to the kernel and let it wait there for the next send; tell whether all of it was taken.

    What was not taken, or has to wait behind what is queued, is sent as if it had been written with `write_last`. If
    True is returned, see to it that `uncork` is called in the same turn.
    """
    if transport.frames or transport.closed:
        transport.write_last(data)
        transport.flush()
        return False
    try:
        count = transport.sock.send(data, _MORE)
    except (BlockingIOError, InterruptedError):
        count = 0
    except OSError as error:
        transport.note(error)
        return False
    if count < len(data):
        transport.take_back(data, count)
        return False
    return True


def uncork(transport: Transport) -> None:
    """Let what was sent ahead leave, unless something is queued that will take it along."""
    if not transport.frames and _MORE and transport.sock.family != socket.AF_UNIX:
        try:
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # tcp(7): pushes what waits
        except OSError as error:
            transport.note(error)
