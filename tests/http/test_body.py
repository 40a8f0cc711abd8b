from wsserver.http.body import SizedBody
from wsserver.http.intake import Intake


def test_body_comes_out_once_it_is_complete_and_waits_in_the_intake_until_then():
    body, intake = SizedBody(5), Intake()
    for byte in b"hell":
        intake.append(bytes((byte,)))
        assert body.read(intake) is None
    assert (body.size, len(intake)) == (0, 4)
    intake.append(b"o, and more")
    assert (body.read(intake), len(intake)) == (b"hello", len(b", and more"))


def test_body_of_no_bytes_waits_for_none():
    assert SizedBody(0).read(Intake()) == b""
