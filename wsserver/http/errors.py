"""The one thing that can go wrong with a request: it gets an HTTP error and, as a rule, the connection ends.

Read next: `request.py`, which raises it; `response.py`, which turns it into an answer.
"""


class RequestError(Exception):
    """A request that is refused.

    `status` is the HTTP status; `detail` a sentence that the person at the other end can act on, which never repeats
    bytes of the request; `headers` go into the answer beside the usual ones (Allow, Retry-After, ...).
    """

    def __init__(self, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.headers = headers
