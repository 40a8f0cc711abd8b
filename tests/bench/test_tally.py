from wsserver.bench.tally import Tally, summed


def test_counts_add_up_and_of_times_the_longest_counts():
    one = Tally(opened=3, refused={"HTTP 503": 1}, connect_s=2.0, sent=5, lost=1)
    other = Tally(opened=4, refused={"HTTP 503": 2, "no answer": 1}, connect_s=1.0, errors={"bad_json": 1})
    total = summed([one, other])
    assert (total.opened, total.sent, total.lost, total.connect_s) == (7, 5, 1, 2.0)
    assert total.refused == {"HTTP 503": 3, "no answer": 1}
    assert total.errors == {"bad_json": 1}
    assert one.refused == {"HTTP 503": 1}


def test_tallies_share_no_dict():
    first, second = Tally(), Tally()
    first.closed["1006"] = 1
    assert second.closed == {}


def test_a_good_run_has_no_faults():
    assert Tally(opened=3, sent=9, received=9, slow_closed={"4008": 2}, unsent=1).faults == []


def test_each_fault_is_told_with_its_count():
    bad = Tally(refused={"HTTP 503": 1}, closed={"4029": 2}, errors={"internal": 3}, lost=4_000, wrong=5, gaps=6)
    assert bad.faults == [
        "1 connections refused (HTTP 503)",
        "2 connections closed by the server (4029)",
        "3 errors internal",
        "4,000 messages lost",
        "5 messages that nobody sent",
        "6 gaps in the numbers of a channel",
    ]
