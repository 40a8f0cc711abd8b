"""A WebSocket chat and pub-sub server on a hand-written epoll reactor.

Read next: `docs/architecture.md` for the floors, then `reactor/loop.py`, where everything starts.
"""

__version__ = "0.1.0"
