from wsserver.net.farewell import FINISH_S, LINGER_BYTES, LINGER_S


def test_finishing_lets_the_last_words_leave_and_waits_for_the_peer_to_end(rig):
    rig.transport.write(b"bye")
    rig.transport.finish()
    rig.turn(2)
    assert rig.read(3) == b"bye"
    assert rig.peer.recv(10) == b""
    assert rig.owner.heard == []
    rig.peer.close()
    rig.turn(2)
    assert rig.owner.heard == ["buried"]


def test_finishing_does_not_wait_for_ever_for_the_peer(rig):
    rig.transport.finish()
    rig.turn()
    assert rig.owner.heard == []
    rig.jump(LINGER_S + 0.1)
    assert rig.owner.heard == ["buried"]


def test_last_words_that_cannot_leave_are_given_up(rig):
    rig.fill()
    rig.transport.finish()
    rig.jump(FINISH_S + 0.1)
    assert rig.owner.heard == ["buried"]


def test_while_finishing_input_is_thrown_away_and_bounded(rig):
    rig.transport.finish()
    rig.turn()
    sent = 0
    rig.peer.setblocking(False)
    for _ in range(50):
        try:
            sent += rig.peer.send(b"x" * 8192)
        except (BlockingIOError, BrokenPipeError):
            pass
        rig.turn()
    assert rig.owner.data == b""
    assert rig.owner.heard == ["buried"]
    assert sent > LINGER_BYTES
