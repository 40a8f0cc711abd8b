from wsserver.websocket.errors import ProtocolError


def test_a_protocol_error_says_which_code_and_why():
    error = ProtocolError(1002, "because")
    assert (error.code, error.reason, str(error)) == (1002, "because", "because")
