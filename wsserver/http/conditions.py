"""Conditional requests (RFC 9110 section 13): does the client have the current version already, or another one?

Read next: `ranges.py`.
"""

from wsserver.http.dates import parse_date
from wsserver.http.headers import Headers


def judge_conditions(headers: Headers, etag: str, modified_s: int) -> int | None:
    """Return the status that a GET or HEAD gets instead of the file: 304 or 412; None when it gets the file.

    `etag` is the file's strong validator, quotes included, without a comma inside; `modified_s` when it was last
    changed, in seconds after 1970. What cannot be understood is taken as not said.
    """
    wanted = headers.get("if-match")
    if wanted is not None and not _lists(wanted, etag, weak=False):
        return 412
    known = headers.get("if-none-match")
    if known is not None:
        return 304 if _lists(known, etag, weak=True) else None
    since = parse_date(headers.get("if-modified-since") or "")
    return 304 if since is not None and modified_s <= since else None


def _lists(tags: str, etag: str, weak: bool) -> bool:
    """Tell whether a list of entity tags has `etag`. Weak comparison ignores the W/ (RFC 9110 section 8.8.3.2)."""
    listed = (tag.strip(" \t") for tag in tags.split(","))
    return tags == "*" or any(tag == etag or (weak and tag == "W/" + etag) for tag in listed)


def range_still_holds(headers: Headers, etag: str) -> bool:
    """Judge If-Range (RFC 9110 section 13.1.5): is the part that is asked for a part of the current version?

    A date never is proof enough: a file can change twice in a second.
    """
    validator = headers.get("if-range")
    return validator is None or validator == etag
