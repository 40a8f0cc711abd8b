"""Where the files of the page lie: inside the installed package, or beside it in a checkout.

An installed `wsserver` has them as `wsserver/static` (see `package_dir` in `setup.cfg`); in a checkout, and in an
editable install of it, they are `static/` at the top.

Read next: `setup.cfg`.
"""

from pathlib import Path

import wsserver
from wsserver.configuration.errors import ConfigError


def find_static(configured: str = "") -> Path:
    """Return the folder to serve: the one in `server.static`, else the page that comes with wsserver.

    Raises ConfigError when there is no such folder.
    """
    package = Path(wsserver.__file__).resolve().parent
    candidates = [Path(configured)] if configured else [package / "static", package.parent / "static"]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise ConfigError(f"server.static: there is no folder '{candidates[-1]}'")
