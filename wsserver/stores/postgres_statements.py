"""What PostgreSQL is told to be: tables, views, and the functions that do a batch, or a step of forgetting, at one go.

A function is one round trip and one transaction, and each of its statements sees what was committed before that
statement began: so a batch first locks its channels and then looks for keys, and finds those of a batch that it had to
wait for. One large statement would look with the eyes of before it waited.

    append   lock the writer, lock the channels in the order of their names, find known keys, number, insert
    enter    a link begins: is the schema ours, is this still the cluster that gave the numbers
    trim     one channel forgets its oldest messages; only who trims locks the row of `kept`, so nobody waits for it
    expire   keys that are too old, and writers that have gone

Read next: `postgres_schema.py`, which puts it in place; `postgres_batch.py`, which calls `append`.
"""

from typing import Final

from wsserver.stores.base import KEY_WINDOW_S

VERSION: Final = 1
"""Of the schema. It is raised with each change, and the step that makes the change is added to `STEPS`."""

KEY_WINDOW: Final = f"interval '{KEY_WINDOW_S:.0f} seconds'"

_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS wsserver;
CREATE TABLE wsserver.store (
    version int NOT NULL, epoch text NOT NULL, timeline text NOT NULL, swept timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE TABLE wsserver.channel (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE, seq bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE wsserver.kept (channel bigint PRIMARY KEY, oldest bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE wsserver.entry (
    channel bigint NOT NULL, seq bigint NOT NULL, "user" text NOT NULL, text text NOT NULL, ts bigint NOT NULL,
    PRIMARY KEY (channel, seq)
);
CREATE TABLE wsserver.publish_key (
    channel bigint NOT NULL, "user" text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    seq bigint NOT NULL, ts bigint NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (channel, "user", key)
);
CREATE INDEX ON wsserver.publish_key (at);
CREATE TABLE wsserver.writer (
    id text PRIMARY KEY, batch bigint NOT NULL, result text NOT NULL, at timestamptz NOT NULL
) WITH (fillfactor = 20);
"""

_VIEWS: Final = """
CREATE VIEW wsserver.channels AS
SELECT c.name, c.seq AS newest, k.oldest, greatest(0, c.seq - k.oldest + 1) AS kept
FROM wsserver.channel c JOIN wsserver.kept k ON k.channel = c.id;
CREATE VIEW wsserver.messages AS
SELECT c.name AS channel, e.seq, to_timestamp(e.ts / 1000.0) AS time, e."user", e.text
FROM wsserver.entry e JOIN wsserver.channel c ON c.id = e.channel;
"""

_ENTER: Final = """
CREATE FUNCTION wsserver.enter(p_writer text) RETURNS int LANGUAGE plpgsql SET search_path = wsserver, pg_temp AS $$
DECLARE
    now_on text := substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);
BEGIN
    -- A timeline begins where a standby took over or a backup was put back: numbers that were given may be missing.
    IF EXISTS (SELECT FROM store WHERE timeline <> now_on) THEN
        UPDATE store SET timeline = now_on, epoch = md5(random()::text || clock_timestamp()::text)
        WHERE timeline <> now_on;
    END IF;
    INSERT INTO writer VALUES (p_writer, 0, '', now()) ON CONFLICT (id) DO UPDATE SET at = now();
    RETURN (SELECT version FROM store);
END $$;
"""

_APPEND: Final = f"""
CREATE FUNCTION wsserver.append(
    p_writer text, p_batch bigint, p_names text, p_of int[], p_users text, p_texts text, p_ts bigint[], p_keys text
) RETURNS text LANGUAGE plpgsql SET search_path = wsserver, pg_temp AS $$
DECLARE
    done bigint; before text; answer text;
    names text[] := string_to_array(p_names, E'\\x1f');
    users text[] := string_to_array(p_users, E'\\x1f');
    texts text[] := string_to_array(p_texts, E'\\x1f');
    keys text[] := string_to_array(p_keys, E'\\x1f');
    ids bigint[]; bases bigint[]; known int[] := '{{}}'; firsts json := '[]';
BEGIN
    -- The same batch may come twice, for the link broke: the second waits here for the end of the first.
    LOOP
        SELECT batch, result INTO done, before FROM writer WHERE id = p_writer FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO writer VALUES (p_writer, 0, '', now()) ON CONFLICT (id) DO NOTHING;
    END LOOP;
    IF done = p_batch THEN RETURN before; END IF;
    IF done > p_batch THEN RAISE 'batch % comes after %', p_batch, done USING ERRCODE = 'WS001'; END IF;
    LOOP
        -- p_names is sorted and each name is in it once: everybody locks in one order.
        SELECT array_agg(id), array_agg(seq) INTO ids, bases
        FROM (SELECT id, seq FROM channel WHERE name = ANY(names) ORDER BY name FOR NO KEY UPDATE) locked;
        EXIT WHEN cardinality(ids) = cardinality(names);
        WITH new AS (
            INSERT INTO channel (name, seq) SELECT wanted, 0 FROM unnest(names) AS n (wanted)
            WHERE NOT EXISTS (SELECT FROM channel WHERE name = wanted) ORDER BY wanted COLLATE "C"
            ON CONFLICT (name) DO NOTHING RETURNING id
        ) INSERT INTO kept SELECT id, 1 FROM new;
    END LOOP;
    IF p_keys <> '' THEN
        SELECT coalesce(array_agg(o::int), '{{}}'), coalesce(json_agg(json_build_array(o - 1, k.seq, k.ts)), '[]')
        INTO known, firsts
        FROM unnest(p_of, users, keys) WITH ORDINALITY AS said (c, u, k, o)
        JOIN publish_key k ON k.channel = ids[c] AND k."user" = u AND k.key = said.k
        WHERE said.k <> '' AND k.at > clock_timestamp() - {KEY_WINDOW};
    END IF;
    WITH numbered AS MATERIALIZED (
        SELECT ids[c] AS channel, bases[c] + row_number() OVER (PARTITION BY c ORDER BY o) AS seq,
            coalesce(u, '') AS u, coalesce(t, '') AS t, m, k
        FROM unnest(p_of, users, texts, p_ts, keys) WITH ORDINALITY AS said (c, u, t, m, k, o)
        WHERE cardinality(known) = 0 OR NOT o = ANY(known)
    ), kept AS (
        INSERT INTO entry SELECT channel, seq, u, t, m FROM numbered
    ), keyed AS (
        INSERT INTO publish_key SELECT channel, u, k, seq, m, clock_timestamp() FROM numbered WHERE k <> ''
        ON CONFLICT (channel, "user", key) DO UPDATE SET seq = excluded.seq, ts = excluded.ts, at = excluded.at
    ) UPDATE channel SET seq = newest FROM (SELECT channel, max(seq) AS newest FROM numbered GROUP BY 1) n
    WHERE id = n.channel;
    answer := json_build_array(bases, firsts)::text;
    UPDATE writer SET batch = p_batch, result = answer, at = now() WHERE id = p_writer;
    RETURN answer;
END $$;
"""

_TRIM: Final = """
CREATE FUNCTION wsserver.trim(p_name text, p_history bigint, p_before_ms bigint, p_portion int) RETURNS int
LANGUAGE plpgsql SET search_path = wsserver, pg_temp AS $$
DECLARE
    c bigint; newest bigint; first bigint; below bigint; aged bigint;
BEGIN
    SELECT id, seq INTO c, newest FROM channel WHERE name = p_name;
    SELECT oldest INTO first FROM kept WHERE channel = c FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN 0; END IF;
    below := greatest(first, newest - p_history + 1);
    IF p_before_ms > 0 THEN
        SELECT seq INTO aged FROM entry WHERE channel = c AND seq >= below AND seq < first + p_portion
            AND ts >= p_before_ms ORDER BY seq LIMIT 1;
        below := greatest(below, coalesce(aged, least(first + p_portion, newest + 1)));
    END IF;
    below := least(below, first + p_portion);
    IF below > first THEN
        DELETE FROM entry WHERE channel = c AND seq >= first AND seq < below;
        UPDATE kept SET oldest = below WHERE channel = c;
    END IF;
    RETURN below - first;
END $$;
"""

_EXPIRE: Final = f"""
CREATE FUNCTION wsserver.expire(p_portion int) RETURNS int LANGUAGE plpgsql SET search_path = wsserver, pg_temp AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM publish_key WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM publish_key WHERE at <= clock_timestamp() - {KEY_WINDOW} ORDER BY at LIMIT p_portion
        FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM writer WHERE id IN (
        SELECT id FROM writer WHERE at < now() - interval '1 day' LIMIT p_portion FOR UPDATE SKIP LOCKED);
    RETURN gone;
END $$;
"""

_BEGIN: Final = """
INSERT INTO wsserver.store (version, epoch, timeline)
VALUES (0, md5(random()::text || clock_timestamp()::text), substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8));
"""

STEPS: Final = (_TABLES + _VIEWS + _ENTER + _APPEND + _TRIM + _EXPIRE + _BEGIN,)
"""STEPS[n] brings schema n to n + 1."""

GLANCE: Final = """
SELECT s.epoch, c.seq, k.oldest, e.seq, e."user", e.text, e.ts
FROM wsserver.store s LEFT JOIN wsserver.channel c ON c.name = $1::text LEFT JOIN wsserver.kept k ON k.channel = c.id
LEFT JOIN LATERAL (
    SELECT seq, "user", text, ts FROM wsserver.entry
    WHERE channel = c.id AND seq >= greatest(k.oldest, $3::bigint) ORDER BY seq DESC LIMIT $2::bigint
) e ON true ORDER BY e.seq
"""
"""One statement, one moment. A channel that is not there has a head all the same, and one row. Who asks knows
already what is before $3."""

READ: Final = """
SELECT e.seq, e."user", e.text, e.ts FROM wsserver.channel c JOIN wsserver.kept k ON k.channel = c.id
JOIN wsserver.entry e ON e.channel = c.id AND e.seq BETWEEN greatest(k.oldest, $2::bigint) AND $3::bigint
WHERE c.name = $1::text ORDER BY e.seq LIMIT 1000
"""

STATEMENTS: Final = {
    # The epoch is read with the eyes of before the batch, which is what it is of: `enter` gave this timeline its own.
    "append": """
        SELECT wsserver.append($1, $2::bigint, $3, $4::int[], $5, $6, $7::bigint[], $8),
            (SELECT epoch FROM wsserver.store)""",
    "glance": GLANCE,
    "read": READ,
    "trim": """
        SELECT wsserver.trim(name, history, $3::bigint, $4::int)
        FROM unnest(string_to_array($1, E'\\x1f'), $2::bigint[]) AS due (name, history)""",
    "expire": "SELECT wsserver.expire($1::int)",
    "now": "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    "sweep": """
        UPDATE wsserver.store SET swept = clock_timestamp()
        WHERE swept < clock_timestamp() - $1::float8 * interval '1 second' RETURNING 1""",
    "channels": """
        SELECT c.name, c.seq, k.oldest FROM wsserver.channel c JOIN wsserver.kept k ON k.channel = c.id
        WHERE c.name > $1 ORDER BY c.name LIMIT $2::bigint""",
}
"""Prepared by each link when it begins, so that none is parsed and planned again and again."""
