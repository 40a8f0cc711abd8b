"""What the functions in the database do that no log asks for: other clusters, other writers, people who look."""

from wsserver.chat.log import Publication


def test_another_timeline_has_another_epoch_for_numbers_may_be_missing(node, database):
    one = node()
    before = one.glance().head.epoch
    database("UPDATE wsserver.store SET timeline = '000000FF'")
    assert node().ready().glance().head.epoch != before
    after = one.glance().head.epoch
    assert node().ready().glance().head.epoch == after != before


def test_people_see_channels_and_messages(node, database):
    node().append(*[Publication("lobby", "ann", text, 1_700_000_000_123) for text in ("one", "two")])
    assert database("SELECT * FROM wsserver.channels") == [("lobby", "2", "1", "2")]
    assert database("SELECT * FROM wsserver.messages WHERE seq = 2") == [
        ("lobby", "2", "2023-11-14 22:13:20.123+00", "ann", "two")
    ]


def test_a_writer_that_was_forgotten_goes_on(node, database):
    one = node()
    assert one.post() == [1]
    database("DELETE FROM wsserver.writer")
    assert one.post() == [2]


def test_a_writer_and_a_key_leave_one_row_however_much_is_said(node, database):
    one = node()
    for _ in range(5):
        one.post(key="k")
    assert database("SELECT count(*) FROM wsserver.writer") == database("SELECT count(*) FROM wsserver.publish_key")
