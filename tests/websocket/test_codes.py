from wsserver.websocket import codes


def test_opcodes_are_those_of_rfc_6455_section_5_2():
    assert (codes.CONTINUATION, codes.TEXT, codes.BINARY, codes.CLOSE, codes.PING, codes.PONG) == (0, 1, 2, 8, 9, 10)


def test_our_own_close_codes_say_whether_to_come_back():
    assert all(4000 <= code < 4500 for code in (codes.SLOW_CONSUMER, codes.RATE_LIMITED, codes.HEARTBEAT_MISSED))
    assert all(4500 <= code < 5000 for code in (codes.UNAUTHENTICATED, codes.FORBIDDEN))
