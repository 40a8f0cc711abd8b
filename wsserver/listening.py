"""Where a server listens: the sockets that the settings ask for, and what is said about them.

Read next: `net/listener.py`, which accepts.
"""

import errno
from socket import AF_UNIX, socket

from wsserver.config import Config
from wsserver.reactor.world import World


def listen(world: World, config: Config, workers: int = 1) -> list[list[socket]]:
    """Return the listening sockets of each worker, one for each address. Raises OSError.

    A port has one for every worker, so that each has a queue of its own, which the kernel fills evenly. A Unix socket
    and an inherited one exist once: all workers get the same.
    """
    server = config.server
    if server.fd is not None:
        return [[world.listen_inherited(server.fd)]] * workers
    if server.unix:
        return [[world.listen_unix(server.unix)]] * workers
    return world.listen_tcp_often(server.host, server.port, workers)


def bound_to(config: Config, listener: socket) -> tuple[str | None, int]:
    """Return host and port that a browser may name: the configured host, or where an inherited socket is bound."""
    if listener.family == AF_UNIX:
        return None, 0
    address, port = listener.getsockname()[:2]
    return address if config.server.fd is not None else config.server.host, port


def describe(listener: socket) -> str:
    """Return the address of a listening socket, for people."""
    name = listener.getsockname()
    if listener.family == AF_UNIX:
        return f"unix:{name}"
    host, port = name[0], name[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def explain(config: Config, error: OSError) -> str:
    """Say why it cannot listen, and what to do. An error that bears the admin port's address is about that."""
    server = config.server
    if error.filename and error.filename == server.admin:
        return f"cannot listen on {server.admin}, the admin port: {error.strerror}. Choose another one with --admin."
    where = server.unix or (f"file descriptor {server.fd}" if server.fd is not None else f"{server.host}:{server.port}")
    advice = {
        "EADDRINUSE": "Another program listens there; stop it, or choose another port with --port (0: a free one).",
        "EACCES": "It is not allowed to; ports below 1024 need privileges, choose another with --port.",
        "EADDRNOTAVAIL": "This machine has no such address; --host 127.0.0.1 and --host 0.0.0.0 always exist.",
    }.get(errno.errorcode.get(error.errno or 0, ""), "Check --host, --port, --unix and --fd.")
    return f"cannot listen on {where}: {error.strerror or error}. {advice}"
