"""The smallest router that is useful: every message comes back, same opcode, byte for byte.

Read next: `router.py` for what else a router may do; `chat/router.py` for one that does all of it.
"""

from wsserver.clients.router import Peer, Router


class EchoRouter(Router):
    """Answers each message with itself. The conformance suite and the load tester talk to it at `/echo`."""

    def on_message(self, peer: Peer, payload: bytes, opcode: int) -> None:
        peer.send(payload, opcode)
