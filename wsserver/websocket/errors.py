"""The one thing that can go wrong with bytes from a WebSocket peer.

Read next: `parser.py`, which raises it; `clients/client.py`, which catches it, in one place.
"""


class ProtocolError(Exception):
    """The peer broke a rule of RFC 6455: fail the connection (section 7.1.7).

    `code` is the close code to fail it with; the text says which rule, for the Close frame's reason and the log.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
