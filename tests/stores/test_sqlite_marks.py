"""What the file says about itself, and when numbers begin a new epoch."""

from tests.stores.rig import Shelf, seqs
from wsserver.chat.log import Publication


def marks(shelf: Shelf) -> object:
    [row] = shelf.query("SELECT epoch, unsynced_boot FROM store")
    return row


def test_a_server_that_does_not_wait_for_the_disk_says_so_while_it_runs(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    epoch = store.head("c").epoch
    assert marks(shelf) == (epoch, "one")
    store.close()
    assert marks(shelf) == (epoch, None)


def test_a_server_that_waits_for_the_disk_has_nothing_to_say(shelf: Shelf) -> None:
    store = shelf.open_sqlite("power")
    assert marks(shelf) == (store.head("c").epoch, None)


def test_after_a_power_cut_numbers_that_may_have_been_lost_are_of_another_epoch(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    shelf.keep_synced()  # what is said from here on is not waited for
    shelf.post(store, 3)
    epoch = store.head("c").epoch
    store.close()
    shelf.cut_power()
    found = shelf.open_sqlite("process")
    assert (found.head("c").seq, found.head("c").epoch == epoch) == (0, False)
    epoch = found.head("c").epoch
    found.close()
    assert shelf.open_sqlite("process").head("c").epoch == epoch


def test_with_power_a_power_cut_takes_nothing_that_was_answered_for(shelf: Shelf) -> None:
    store = shelf.open_sqlite("power")
    shelf.post(store, 3)
    shelf.keep_synced()
    head = store.head("c")
    assert store.append([Publication("c", "ann", "not answered for", 5)], print) is None
    shelf.engine.jobs.clear()
    store.close()
    shelf.cut_power()
    found = shelf.open_sqlite("power")
    assert (found.head("c"), seqs(found.after("c", 0, 9))) == (head, [1, 2, 3])


def test_a_server_that_was_killed_on_a_machine_that_went_on_keeps_its_epoch(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    shelf.post(store, 3)
    shelf.keep_synced()
    head = store.head("c")
    store.close()
    shelf.cut_power()
    shelf.engine.boot = "one"
    assert shelf.open_sqlite("process").head("c") == head


def test_a_clean_end_needs_no_new_epoch_on_a_machine_that_was_restarted(shelf: Shelf) -> None:
    store = shelf.open_sqlite("process")
    shelf.post(store, 3)
    head = store.head("c")
    store.close()
    shelf.engine.boot = "two"
    assert shelf.open_sqlite("process").head("c") == head


def test_the_clock_of_the_store_does_not_go_back(shelf: Shelf) -> None:
    store = shelf.open_sqlite()
    now = store.now_ms()
    assert now == shelf.engine.wall_ms()
    shelf.engine.wall_offset_ms -= 10_000
    shelf.engine.advance(1.5)
    assert store.now_ms() == now + 1500
    shelf.post(store, key="k")
    store.close()
    assert shelf.open_sqlite().now_ms() == now + 1500
