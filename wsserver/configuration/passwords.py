"""Passwords that stand in addresses, such as `postgresql://chat:PASSWORD@db1/chat`: found, and not shown.

An address may be wrong when it is shown, so nothing here parses it: what looks like the place of a password is hidden,
rather too much than too little.

Read next: `document.py` and `wsserver/config.py`, which show what people wrote.
"""

import re
from typing import Final

HIDDEN: Final = "..."

_BEFORE_HOST: Final = re.compile(r"(?<=://)([^:@/?#]*):.*@", re.DOTALL)
"""Up to the last `@`: people forget to encode one that stands in their password, or a slash."""

_OPTION: Final = re.compile(r"(?i)(password|passwd|pwd|secret)=[^&#\s]*")
"""libpq takes it as an option too, `?password=...`, and as `sslpassword`."""


def hide_passwords(text: str) -> str:
    """Return `text` with `...` in place of each password. What has none comes back as it was."""
    return _OPTION.sub(rf"\1={HIDDEN}", _BEFORE_HOST.sub(rf"\1:{HIDDEN}@", text))
