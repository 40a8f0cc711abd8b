"""The tables of the SQLite file, in versions, and how an older file becomes a newer one.

Tables are for the server; the views `channels` and `messages` are for people with the `sqlite3` shell, and stay when
tables change (`docs/schema.md`). The version is the file's `user_version`; `application_id` says whose file it is.

Read next: `sqlite_file.py`, which opens the file.
"""

import sqlite3
from typing import Final

from wsserver.chat.log import StoreUnavailable

APPLICATION_ID: Final = 0x77737376
"""`wssv`, in the file's header: file(1) and we know the file by it."""

_FIRST: Final = """
-- One row. epoch: the name of this run of numbers. unsynced_boot: the run of the machine under which a server writes
-- without waiting for the disk; NULL when all that was acknowledged is on the disk.
CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    unsynced_boot TEXT
) STRICT;

-- seq: numbers up to here have been given, even if no entry is left that says so.
CREATE TABLE channel (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL DEFAULT 0
) STRICT;

-- ts: milliseconds since 1970. Clustered, so a page of history is one place on the disk.
CREATE TABLE entry (
    channel INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    user TEXT NOT NULL,
    text TEXT NOT NULL,
    ts INTEGER NOT NULL,
    PRIMARY KEY (channel, seq)
) STRICT, WITHOUT ROWID;

-- What a key was used for first. Rows are in the order of `at` (milliseconds on the store's clock), so the oldest are
-- found without an index.
CREATE TABLE publish_key (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (channel, user, key)
) STRICT;

CREATE VIEW channels AS
SELECT name,
       max(seq, coalesce((SELECT max(seq) FROM entry WHERE channel = channel.id), 0)) AS newest,
       (SELECT min(seq) FROM entry WHERE channel = channel.id) AS oldest,
       (SELECT count(*) FROM entry WHERE channel = channel.id) AS kept,
       (SELECT strftime('%Y-%m-%d %H:%M:%S', max(ts) / 1000, 'unixepoch') FROM entry WHERE channel = channel.id)
           AS last_said
FROM channel;

CREATE VIEW messages AS
SELECT channel.name AS channel,
       entry.seq,
       strftime('%Y-%m-%d %H:%M:%f', entry.ts / 1000.0, 'unixepoch') AS time,
       entry.user,
       entry.text
FROM entry JOIN channel ON channel.id = entry.channel;

-- A batch in one statement, for the thread that waits for the disk. name: only if the channel is new.
CREATE VIEW incoming AS
SELECT NULL AS channel, NULL AS name, NULL AS seq, NULL AS user, NULL AS text, NULL AS ts, NULL AS key, NULL AS at;

CREATE TRIGGER incoming_insert INSTEAD OF INSERT ON incoming
BEGIN
    INSERT INTO channel (id, name) SELECT new.channel, new.name WHERE new.name IS NOT NULL;
    INSERT INTO entry VALUES (new.channel, new.seq, new.user, new.text, new.ts);
    INSERT OR REPLACE INTO publish_key (channel, user, key, seq, ts, at)
    SELECT new.channel, new.user, new.key, new.seq, new.ts, new.at WHERE new.key IS NOT NULL;
END;

-- A cut in one statement. below: entries before it go; passed: numbers up to it have been given.
CREATE VIEW outgoing AS SELECT NULL AS channel, NULL AS below, NULL AS passed;

CREATE TRIGGER outgoing_insert INSTEAD OF INSERT ON outgoing
BEGIN
    DELETE FROM entry WHERE channel = new.channel AND seq < new.below;
    UPDATE channel SET seq = max(seq, new.passed) WHERE id = new.channel;
END;

INSERT INTO store (id, epoch) VALUES (1, lower(hex(randomblob(8))));
"""

MIGRATIONS: Final = (_FIRST,)
"""MIGRATIONS[n] makes version n + 1 of version n. What was released is never changed; add another."""

VERSION: Final = len(MIGRATIONS)


def judge(connection: sqlite3.Connection, path: str) -> int:
    """Return the version of the file, 0 for an empty one. Raises StoreUnavailable for files that are not for us."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner != APPLICATION_ID:
        if owner or version or connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreUnavailable(f"{path} is the database of another program; name another file")
        return 0
    if version > VERSION:
        raise StoreUnavailable(
            f"{path} was written by a newer wsserver (schema {version}, this one knows {VERSION}); "
            "use that one, or another file"
        )
    return version


def migrate(connection: sqlite3.Connection, path: str) -> int:
    """Bring the file to VERSION and return the version that it had.

    All of it happens, or nothing. Raises StoreUnavailable for files that are not for us, and sqlite3.Error.
    """
    version = judge(connection, path)
    if version < VERSION:
        steps = "".join(MIGRATIONS[version:])
        marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {steps} {marks} COMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return version
