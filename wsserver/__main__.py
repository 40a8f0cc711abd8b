"""`python -m wsserver` is `wsserver`.

Read next: `cli.py`.
"""

import sys

from wsserver.cli import main

if __name__ == "__main__":
    sys.exit(main())
