"""Chat messages that are no JSON, or JSON that breaks who reads it: an error with a code, and nobody else notices.

They are sent as they are written here, not through an encoder, which would refuse most of them.
"""

import json

import pytest

from tests.threats.attacking import cpu_seconds
from tests.threats.chatting import LET_TALK, refused, strict
from tests.websocket.frames_by_hand import frame
from wsserver.chat.router import STRIKES
from wsserver.chat.vocabulary import SAFE_INTEGER
from wsserver.websocket.codes import CLOSE, TEXT


@pytest.fixture(scope="module")
def flags():
    return LET_TALK


# -- 82 to 86: JSON that breaks whoever reads it -----------------------------------------------------------------------


def nests(depth):
    return [
        "[" * depth + "]" * depth,
        '{"a":' * depth + "1" + "}" * depth,
        '[{"a":' * (depth // 2) + "1" + "}]" * (depth // 2),
    ]


@pytest.mark.parametrize("nest", [0, 1, 2], ids=["lists", "objects", "both"])
def test_f82_a_message_that_is_nested_ten_thousand_deep_is_a_bad_message(people, nest):
    mallory, _ = people
    deep = nests(10_000)[nest]
    for raw in (
        '{"type":"publish","topic":"t","data":%s}',
        '{"type":"request","method":"echo","params":%s}',
        '{"type":"message","channel":"c","text":%s}',
        '{"type":"ping","id":%s}',
        '{"type":%s}',
        "%s",
    ):
        assert refused(mallory, raw % deep) == "bad_message"


def test_f82_brackets_that_are_never_closed_are_refused(people):
    mallory, _ = people
    for raw in ("[" * 60_000, '{"type":"publish","topic":"t","data":' + "[" * 60_000, '{"a":' * 10_000):
        assert refused(mallory, raw) in ("bad_message", "bad_json")


def test_f82_at_every_depth_it_is_delivered_or_refused_and_nothing_between(people):
    mallory, ann = people
    ann.ask("subscribe", topic="deep")
    delivered = 0
    for depth in (*range(1, 200, 40), *range(200, 1300, 25)):
        mallory.ask("ping")
        mallory.socket.send('{"type":"publish","topic":"deep","id":1,"data":?}'.replace("?", nests(depth)[0]))
        answer = mallory._next()
        assert (answer["type"], answer.get("delivered"), answer.get("code")) in [
            ("ack", 1, None),
            ("error", None, "bad_message"),
        ]
        delivered += answer["type"] == "ack"
    ann.say("ping")
    payload, heard = b"", 0
    while b'"pong"' not in payload:
        payload = ann.socket.recv_data()[1]
        heard += b'"event"' in payload
    assert heard == delivered > 10


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e400"])
def test_f83_what_a_browser_cannot_read_reaches_no_browser(people, number):
    mallory, ann = people
    ann.ask("subscribe", topic="t")
    for raw in ('{"type":"publish","topic":"t","data":%s}', '{"type":"publish","topic":"t","data":{"a":[1,%s]}}'):
        assert refused(mallory, raw % number) in ("bad_json", "bad_message")
    for raw in ('{"type":"ping","id":%s}', '{"type":"request","method":"echo","params":[%s]}'):
        assert refused(mallory, raw % number) in ("bad_json", "bad_message")
    ann.ask("ping")
    assert [event for event in ann.kept if event["type"] == "event"] == []


@pytest.mark.parametrize("number", ["1e308", "-1e308", "5e-324", "1e-999", "-0", "0.1", "1" * 30])
def test_f83_numbers_at_the_edge_arrive_as_numbers(people, number):
    mallory, ann = people
    ann.ask("subscribe", topic="t")
    mallory.socket.send('{"type":"publish","topic":"t","data":?}'.replace("?", number))
    opcode, payload = ann.socket.recv_data()
    while b'"event"' not in payload:
        opcode, payload = ann.socket.recv_data()
    assert opcode == TEXT
    assert strict(payload)["data"] == json.loads(number)


@pytest.mark.parametrize("digits", [5_000, 60_000])
@pytest.mark.parametrize("sign", ["", "-"])
def test_f84_an_integer_of_thousands_of_digits_is_a_bad_message(people, sign, digits):
    mallory, _ = people
    number = sign + "9" * digits
    for raw in (
        '{"type":"publish","topic":"t","data":%s}',
        '{"type":"request","method":"echo","params":[%s]}',
        '{"type":"history","channel":"c","after":%s}',
        '{"type":"join","channel":"c","since":%s}',
        '{"type":"ping","id":%s}',
        "%s",
    ):
        assert refused(mallory, raw % number) == "bad_message"


def test_f84_a_message_full_of_long_integers_costs_milliseconds(server, people):
    mallory, _ = people
    numbers = ",".join(["9" * 4_300] * 14)
    before = cpu_seconds(server)
    for _ in range(20):
        mallory.socket.send('{"type":"request","id":7,"method":"echo","params":[?]}'.replace("?", numbers))
        assert mallory.hear("response")["id"] == 7
    assert cpu_seconds(server) - before < 2.0


@pytest.mark.parametrize("id", [SAFE_INTEGER, -SAFE_INTEGER, 0])
def test_f84_the_largest_ids_that_javascript_can_tell_apart_come_back_as_they_were(people, id):
    mallory, _ = people
    mallory.say("ping", id=id)
    assert mallory.hear("pong")["id"] == id


@pytest.mark.parametrize("id", [SAFE_INTEGER + 1, -SAFE_INTEGER - 1, 2**63, 2**64, 10**300])
def test_f84_larger_ids_are_refused_and_not_sent_back(people, id):
    mallory, _ = people
    mallory.say("ping", id=id)
    error = mallory.hear("error")
    assert error["code"] == "bad_message"
    assert "id" not in error


SURROGATES = [r"\ud800", r"\udfff", r"\udc00\ud800", r"a\ud83dz", r"\ud83d\u0041"]


@pytest.mark.parametrize("half", SURROGATES)
def test_f85_half_a_surrogate_pair_is_refused_wherever_it_stands(people, room, half):
    mallory, ann = people
    for raw in (
        '{"type":"message","channel":"ROOM","text":"x%s"}',
        '{"type":"message","channel":"ROOM","text":"x","key":"%s"}',
        '{"type":"join","channel":"x%s"}',
        '{"type":"join","channel":"x","user":"%s"}',
        '{"type":"direct","to":"%s","text":"x"}',
        '{"type":"publish","topic":"t","data":["%s"]}',
        '{"type":"publish","topic":"t","data":{"%s":1}}',
        '{"type":"request","method":"echo","params":"%s"}',
        '{"type":"ping","id":"%s"}',
        '{"type":"%s"}',
    ):
        assert refused(mallory, raw.replace("ROOM", room) % half) == "bad_json"
    assert mallory.ask("history", channel=room)["messages"] == []
    assert ann.is_quiet() or {event["type"] for event in ann.kept} == {"presence"}


def test_f85_a_whole_pair_is_one_character(people, room):
    mallory, ann = people
    mallory.socket.send(r'{"type":"message","channel":"?","text":"\ud83d\ude00"}'.replace("?", room))
    assert ann.hear("message")["text"] == "😀"


def test_f86_nul_in_what_is_stored_is_refused(people, room):
    mallory, _ = people
    for raw in (
        r'{"type":"message","channel":"ROOM","text":"a\u0000b"}',
        r'{"type":"message","channel":"ROOM","text":"\u0000"}',
        r'{"type":"message","channel":"ROOM","text":"x","key":"\u0000"}',
    ):
        assert refused(mallory, raw.replace("ROOM", room)) == "bad_message"
    assert refused(mallory, r'{"type":"join","channel":"a\u0000"}') == "bad_channel"
    assert refused(mallory, r'{"type":"direct","to":"a\u0000","text":"x"}') in ("bad_message", "no_such_user")
    assert mallory.ask("history", channel=room)["messages"] == []


def test_f86_a_bad_text_costs_its_neighbours_in_the_batch_nothing(people, room):
    mallory, ann = people
    texts = ["a", "b", "c\0", "d"]
    talk = [json.dumps({"type": "message", "id": n, "channel": room, "text": text}) for n, text in enumerate(texts)]
    mallory.socket.sock.sendall(b"".join(frame(TEXT, raw.encode()) for raw in talk))  # in one segment
    answers = {event["id"]: event for event in (mallory._find(lambda event: "id" in event) for _ in range(4))}
    assert [answers[n]["type"] for n in range(4)] == ["ack", "ack", "error", "ack"]
    assert [ann.hear("message")["seq"] for _ in range(3)] == [1, 2, 3]


# -- 87 and 88: what is no message -------------------------------------------------------------------------------------

NO_MESSAGES = [
    ("", "bad_json"),
    (" ", "bad_json"),
    ("\ufeff{}", "bad_json"),
    ('{"type":"ping"}{"type":"ping"}', "bad_json"),
    ("{'type':'ping'}", "bad_json"),
    ('{"type":"ping",}', "bad_json"),
    ('{"type":"ping"', "bad_json"),
    ("null", "bad_message"),
    ("true", "bad_message"),
    ("7", "bad_message"),
    ('"ping"', "bad_message"),
    ("[]", "bad_message"),
    ('[{"type":"ping"}]', "bad_message"),
    ("{}", "bad_message"),
    ('{"type":null}', "bad_message"),
    ('{"type":7}', "bad_message"),
    ('{"type":["ping"]}', "bad_message"),
    ('{"type":""}', "unknown_type"),
    ('{"type":"Ping"}', "unknown_type"),
    ('{"type":"welcome"}', "unknown_type"),
    ('{"type":"__class__"}', "unknown_type"),
    ('{"type":"join"}', "bad_message"),
    ('{"type":"join","channel":null}', "bad_message"),
    ('{"type":"join","channel":["a"]}', "bad_message"),
    ('{"type":"message","channel":"c","text":""}', "bad_message"),
    ('{"type":"message","channel":"c","text":{"a":1}}', "bad_message"),
    ('{"type":"multicast","to":"ann","text":"x"}', "bad_message"),
    ('{"type":"multicast","to":[["ann"]],"text":"x"}', "bad_message"),
    ('{"type":"history","channel":"c","limit":"all"}', "bad_message"),
    ('{"type":"history","channel":"c","limit":1.5}', "bad_message"),
    ('{"type":"request"}', "bad_message"),
]


@pytest.mark.parametrize(("raw", "code"), NO_MESSAGES)
def test_f87_what_is_no_message_is_answered_with_a_code_and_the_connection_kept(people, raw, code):
    mallory, _ = people
    assert refused(mallory, raw) == code


def test_f87_five_bad_messages_in_a_row_end_it_with_1008(people):
    mallory, _ = people
    for raw, _ in NO_MESSAGES[:STRIKES]:
        mallory.socket.send(raw)
    code, reason = mallory.hear_close()
    assert code == 1008
    assert "5 bad messages" in reason


def test_f87_five_in_one_segment_and_a_thousand_behind_them_end_it_once(attacker):
    one = attacker()
    one.open("/chat")
    one.send(frame(TEXT, b"{") * 1000 + frame(CLOSE))
    frames = one.frames()
    assert [json.loads(payload)["type"] for _, payload in frames[:-1]] == ["welcome"] + ["error"] * STRIKES
    opcode, payload = frames[-1]
    assert (opcode, payload[:2]) == (CLOSE, (1008).to_bytes(2, "big"))


def test_f87_a_good_message_ends_the_row_and_other_errors_do_not_count(people):
    mallory, _ = people
    for _ in range(STRIKES * 2):
        for raw in ("{", "[]", "nonsense", "{}"):
            mallory.socket.send(raw)
            assert mallory.hear("error")["code"] in ("bad_json", "bad_message")
        assert mallory.ask("ping")["type"] == "pong"
        for _ in range(STRIKES):
            assert mallory.ask("message", channel="elsewhere", text="x")["code"] == "not_joined"


def test_f87_binary_messages_that_are_too_short_count_too(people):
    mallory, _ = people
    for size in (0, 1, 2, 3, 0):
        mallory.socket.send_binary(b"x" * size)
    assert mallory.hear_close()[0] == 1008


def test_f87_with_two_keys_of_one_name_one_of_them_counts_and_no_third_thing_happens(people, room):
    mallory, ann = people
    twice = '{"type":"ping","type":"message","channel":"?","text":"one","text":"two","id":1,"id":2}'
    mallory.socket.send(twice.replace("?", room))
    answer = mallory._find(lambda event: event.get("id") in (1, 2))
    assert answer["type"] in ("ack", "pong", "error")
    ann.ask("ping")
    assert [event["text"] for event in ann.kept if event["type"] == "message"] in ([], ["one"], ["two"])


@pytest.mark.parametrize("id", ["true", "1.5", "[]", "{}", '["a"]', '"' + "x" * 65 + '"', str(2**61 - 1)])
def test_f88_an_id_is_a_short_string_or_a_safe_integer(people, id):
    mallory, _ = people
    mallory.socket.send('{"type":"ping","id":?}'.replace("?", id))
    error = mallory.hear("error")
    assert error["code"] == "bad_message"
    assert "id" not in error


def test_f88_keys_that_would_collide_as_integers_cost_nothing_special(server, people):
    mallory, ann = people
    ann.ask("subscribe", topic="t")
    keys = ",".join(f'"{number * (2**61 - 1)}":0' for number in range(1, 2300))
    values = ",".join(str(number * (2**61 - 1)) for number in range(1, 2700))
    before = cpu_seconds(server)
    for data in [f"{{{keys}}}", f"[{values}]"] * 10:
        mallory.socket.send('{"type":"publish","topic":"t","id":1,"data":?}'.replace("?", data))
        assert mallory.hear("ack")["delivered"] == 1
        ann.hear("event")
    assert cpu_seconds(server) - before < 2.0
