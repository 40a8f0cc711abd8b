"""Programs that use the HTTP API and the streams of a running server, with the standard library as people would.

Read next: `test_api.py`, `test_events.py`.
"""

import contextlib
import http.client
import json
import socket
import urllib.error
import urllib.request

from tests.scenarios.running import PATIENCE_S

KEY = "a key of sixteen"
WITH_KEY = ("--set", f"api.key={KEY}")


def call(server, path, body=None, key=KEY, **headers):
    """Call the API; return (status, answer)."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{server.address}/api/{path}", data, named)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            assert error.headers["Content-Type"] == "application/json", error.read()
            return error.code, json.load(error)


def publish(server, text, channel="lobby", **fields):
    """Publish one message; return the answer."""
    status, answer = call(server, "publish", {"channel": channel, "text": text, **fields})
    assert status == 200, answer
    return answer


class Stream:
    """One reader of a channel, as an EventSource reads it: blocks with data are events, ids are remembered."""

    def __init__(self, server, channel="lobby", last_id="", version="1.1", receive_buffer=None, **headers):
        self.last_id = last_id
        self.retry_ms = None
        named = {"Last-Event-ID": last_id} if last_id else {}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(("127.0.0.1", server.port))
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self._socket.sendall(f"GET /events?channel={channel} HTTP/{version}\r\nHost: localhost\r\n{head}\r\n".encode())
        self._answer = http.client.HTTPResponse(self._socket)
        self._answer.begin()
        self.status, self.headers = self._answer.status, self._answer.headers

    def body(self):
        """The JSON of a refusal."""
        return json.load(self._answer)

    def next(self):
        """Return the next event as (name, data); None when the stream has ended."""
        name, data = "message", []
        id = self.last_id
        while line := self._answer.readline().decode():
            line = line.removesuffix("\n")
            if not line:
                self.last_id = id
                if data:
                    return name, json.loads("\n".join(data))
                name = "message"
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                id = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "retry":
                self.retry_ms = int(value)
        return None

    def texts(self, count):
        """Return the texts of the next `count` events, which are messages."""
        events = [self.next() for _ in range(count)]
        assert all(event and event[0] == "message" for event in events), events
        return [data["text"] for _, data in events]

    def close(self):
        with contextlib.suppress(OSError):
            self._answer.close()
        self._socket.close()
