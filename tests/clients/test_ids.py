"""Ids are twelve characters, all different, and drawn from what is unguessable in few calls."""

import re
from base64 import urlsafe_b64decode
from itertools import islice

from wsserver.clients.ids import BATCH, ID_BYTES, ID_CHARS, draw_ids


def test_ids_are_the_random_bytes_in_twelve_characters_each():
    drawn = []

    def random_bytes(count):
        drawn.append(bytes((len(drawn) * count + index) % 256 for index in range(count)))
        return drawn[-1]

    ids = list(islice(draw_ids(random_bytes), 3 * BATCH))
    assert len(drawn) == 3
    assert all(re.fullmatch(r"[0-9A-Za-z_-]{12}", id) for id in ids)
    assert b"".join(map(urlsafe_b64decode, ids)) == b"".join(drawn)
    assert (ID_CHARS, ID_BYTES) == (12, 9)


def test_clients_of_a_server_have_different_ids(house):
    ids = {house.open().client.id for _ in range(3)}
    assert len(ids) == 3 and all(len(id) == ID_CHARS for id in ids)
