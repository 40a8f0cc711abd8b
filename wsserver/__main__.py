"""`python -m wsserver` is `wsserver`. A supervisor starts its workers by it, too: `python -m wsserver worker FD`.

Read next: `cli.py`; `worker.py`.
"""

import sys


def _main() -> int:
    if sys.argv[1:2] == ["worker"]:  # before the command line is loaded: whoever waits for a worker waits a third less
        from wsserver.worker import main as work

        return work(int(sys.argv[2]))
    from wsserver.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(_main())
