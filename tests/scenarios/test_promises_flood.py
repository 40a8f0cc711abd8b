"""A reader that loses its connection again and again while messages pour in misses nothing and hears nothing twice."""

import json
import random
import threading

import pytest

from tests.scenarios.talking import Talker, open_raw
from tests.websocket.frames_by_hand import frame
from wsserver.websocket.codes import TEXT

MESSAGES = 20_000
RECONNECTS = 100
AT_ONCE = 50
AHEAD = 1000
"""Messages that the flood is ahead of the reader at most, so that it lasts until the reader's last reconnect."""

CHANNEL = "flood"

FLAGS = ("--set", "limits.rate=0", "--set", "limits.queue=64MiB", "--set", f"chat.recovery_limit={MESSAGES}")


class Flood:
    """Someone who publishes MESSAGES messages as fast as server and reader take them, and reads what comes back."""

    def __init__(self, port):
        self.heard = []  # by the reader: (seq, text)
        self.room = threading.Semaphore(AHEAD // AT_ONCE)
        self.sock = open_raw(port, "/chat")
        self._say({"type": "join", "channel": CHANNEL, "user": "flood"})
        self.sender = threading.Thread(target=self._pour, daemon=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _say(self, *commands):
        self.sock.sendall(b"".join(frame(TEXT, json.dumps(command).encode()) for command in commands))

    def _pour(self):
        for first in range(1, MESSAGES + 1, AT_ONCE):
            self.room.acquire()
            self._say(*({"type": "message", "channel": CHANNEL, "text": str(first + i)} for i in range(AT_ONCE)))

    def hear(self, message):
        self.heard.append((message["seq"], message["text"]))
        if not len(self.heard) % AT_ONCE:
            self.room.release()

    def _read(self):
        while self.sock.recv(1 << 16):
            pass

    def end(self):
        self.sender.join()
        self.sock.shutdown(2)
        self.reader.join()
        self.sock.close()


def read_on(url, epoch, flood, until):
    """Join where the reader was, let it hear until it has `until` messages at least, and lose the connection."""
    talker = Talker(url)
    joined = talker.join(CHANNEL, "reader", since=len(flood.heard), epoch=epoch)
    assert joined["recovered"] is True
    for message in joined["messages"]:
        flood.hear(message)
    while len(flood.heard) < until:
        flood.hear(talker.hear("message"))
    talker.vanish()


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_reader_that_reconnects_at_random_moments_of_a_flood_hears_each_message_once_and_in_order(
    start, tmp_path, durability
):
    server = start("--store", f"sqlite:{tmp_path / 'flood.db'}", "--set", f"store.durability={durability}", *FLAGS)
    moments = sorted(random.Random(20_000).sample(range(1, MESSAGES), RECONNECTS))
    flood = Flood(server.port)
    talker = Talker(server.ws())
    epoch = talker.join(CHANNEL, "reader")["epoch"]
    talker.vanish()
    flood.sender.start()
    for moment in [*moments, MESSAGES]:
        read_on(server.ws(), epoch, flood, moment)
    flood.end()
    assert flood.heard == [(number, str(number)) for number in range(1, MESSAGES + 1)]
