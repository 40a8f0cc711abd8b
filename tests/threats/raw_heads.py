"""Raw requests for attacks on HTTP, and the ways to send one: whole, byte by byte, behind a good one.

Read next: `attacking.py`, who sends them; `test_a_request_heads.py`.
"""

GOOD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def head(*fields, line=b"GET /livez HTTP/1.1", host=b"Host: localhost"):
    """Return a head with these header lines behind Host; `host=None` leaves that out."""
    lines = [line, *([] if host is None else [host]), *fields]
    return b"".join(each + b"\r\n" for each in lines) + b"\r\n"


def assert_refused(attacker, raw, status, bytewise=True):
    """`raw` is answered with that status and the end, and nothing behind it is read: in every way it can be sent."""
    whole = attacker()
    whole.send(raw + GOOD)
    assert whole.answers() == [status]
    behind = attacker()
    behind.send(GOOD + raw + GOOD)
    assert behind.answers() == [200, status]
    if bytewise:
        slow = attacker()
        slow.dribble(raw)
        assert slow.answers() == [status]


def assert_accepted(attacker, raw, status=200):
    """`raw` is one request that is answered with that status, and what comes behind it is the next one."""
    whole = attacker()
    whole.send(raw + LAST)
    assert whole.answers() == [status, 200]
    slow = attacker()
    slow.dribble(raw)
    slow.send(LAST)
    assert slow.answers() == [status, 200]
