"""Many attackers at once from one thread: each sends its bytes as fast as they are taken, and reads or does not.

    with Swarm(port, attack, 20) as swarm:
        swarm.run()        until nothing moves any more, or the time is over
        swarm.sent         bytes that the kernel took from them
"""

import contextlib
import select
import socket
import time

SMALL_BUFFER = 4096
"""What the kernel buffers for an attacker: as little as it allows, so that who does not read is soon felt."""

QUIET_S = 0.1
"""Nothing moved for so long: everybody has sent all, or is not listened to any more."""

RUN_S = 3.0
"""An attack that always moves ends after this time."""

PIECE = 64 * 1024


class Attacker:
    """One connection that sends `attack.first`, then `attack.again` over and over, `attack.budget` bytes in all."""

    def __init__(self, port, attack, number):
        self.socket = socket.socket()
        if not attack.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._attack = attack
        self._piece = memoryview(attack.opening(number))
        self._left = attack.budget
        self.sent = self.received = 0
        self.last_words = b""

    @property
    def interest(self):
        """What it waits for."""
        wants = select.EPOLLIN if self._attack.reads else 0
        return wants | (select.EPOLLOUT if self._piece else 0)

    def on_event(self, mask):
        """Send or read; return whether anything moved, or None when the connection has ended."""
        try:
            moved = self._read() if mask & select.EPOLLIN else False
            return (self._send() if mask & select.EPOLLOUT else False) or moved
        except BlockingIOError:
            return False
        except OSError:
            return None

    def _read(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionResetError
        self.received += len(data)
        self.last_words = (self.last_words + data)[-200:]
        return True

    def _send(self):
        count = self.socket.send(self._piece[: self._attack.portion])
        self.sent += count
        self._left -= count
        self._piece = self._piece[count:]
        if not self._piece and self._left > 0:
            self._piece = memoryview(self._attack.again)
        if not self._piece and self._attack.ends:
            self.socket.shutdown(socket.SHUT_WR)
        return True


class Swarm:
    """`count` attackers of each attack in a list, or of one."""

    def __init__(self, port, attacks, count):
        self._poll = select.epoll()
        self.attackers = {}
        for number in range(count):
            attack = attacks if not isinstance(attacks, (list, tuple)) else attacks[number % len(attacks)]
            one = Attacker(port, attack, number)
            self.attackers[one.socket.fileno()] = one
            self._poll.register(one.socket, one.interest)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.attackers.values():
            one.socket.close()
        self._poll.close()

    @property
    def sent(self):
        """Bytes that have left, all attackers together."""
        return sum(one.sent for one in self.attackers.values())

    @property
    def received(self):
        """Bytes that were read, all attackers together."""
        return sum(one.received for one in self.attackers.values())

    def run(self, seconds=RUN_S, beside=None):
        """Attack until nothing moves; call `beside` now and then."""
        until = time.monotonic() + seconds
        moved_at = time.monotonic()
        while (now := time.monotonic()) < until and now - moved_at < QUIET_S:
            if self.step(0.02):
                moved_at = time.monotonic()
            if beside is not None:
                beside()

    def step(self, timeout_s):
        """Let everybody do what the kernel allows, once; return whether anything moved."""
        moved = False
        for fd, mask in self._poll.poll(timeout_s):
            one = self.attackers[fd]
            went = one.on_event(mask)
            moved = moved or bool(went)
            with contextlib.suppress(FileNotFoundError):
                if went is None:
                    self._poll.unregister(fd)
                else:
                    self._poll.modify(fd, one.interest)
        return moved
