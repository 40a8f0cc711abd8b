"""`python -m wsserver` is `wsserver`. A supervisor starts its workers by it, too: `python -m wsserver worker FD`.

Loading a server takes some tenths of a second. Signals of that time are answered here, before anything else is loaded:
whoever stops a server that has not begun wants to see a clean end, and no trace of what it was just importing.

Read next: `cli.py`; `worker.py`.
"""

import os
import signal
import sys


def main() -> int:
    """Run what the command line says; return the exit code."""
    if sys.argv[1:2] == ["worker"] and "".join(sys.argv[2:]).isdecimal():
        # before the command line is loaded: whoever waits for a worker waits a third less
        from wsserver.worker import main as work

        return work(int(sys.argv[2]))
    if not sys.argv[1:] or sys.argv[1] == "serve" or sys.argv[1].startswith("-"):
        _heed_signals()  # what does not serve ends as any program does
    from wsserver.cli import main as run

    return run()


def _heed_signals() -> None:
    """See to signals until the reactor does (`reactor/wakeup.py`): nobody is served yet, and nothing is to be undone.

    What SIGHUP asks for is being done, and about SIGUSR1 there is nothing to tell; both would end us otherwise.
    """
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, lambda _number, _frame: None)  # not SIG_IGN, which workers would inherit
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: os._exit(0))


if __name__ == "__main__":
    sys.exit(main())
