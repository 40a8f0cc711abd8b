"""What is run inside Redis, each script as one step that nobody else can get between (EVALSHA).

`Scripts.call` sends the script's hash; a Redis that does not know it (it came back empty) is sent the text. Times are
Redis's own: the clocks of nodes are compared with nothing.

    APPEND   number the messages of one channel, keep them, and publish them
    GLANCE   where a channel stands, and its newest messages
    CLAIM    "this node lives"; was that still known?
    LIVING   the nodes that live; ENDED: those whose lease is over
    SWEEP    remove what is kept of one node's users
    REMEMBER copy the newest messages of a channel that is in a database

Read next: `redis_log.py`, `redis_presence.py`.
"""

from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Final

import hiredis

from wsserver.brokers.redis_commands import Commands, Done
from wsserver.brokers.redis_errors import code_of

APPEND: Final = """
-- KEYS: head, messages, batch, then one for each key that a client gave
-- ARGV: epoch if there is none, history, seconds to live, seconds for keys, pub-sub channel, envelope up to the epoch,
--       then for each message: encoded row, ts, and which of KEYS is its key (0: none)
local known = redis.call('GET', KEYS[3])
if known then return known end
local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
local epoch, seq = head[1], tonumber(head[2] or 0)
if not epoch then
  epoch, seq = ARGV[1], 0
  redis.call('DEL', KEYS[2])
end
local first, rows, again = seq + 1, {}, {}
for i = 7, #ARGV, 3 do
  local key, before = tonumber(ARGV[i + 2]), false
  if key > 0 then before = redis.call('GET', KEYS[key]) end
  if before then
    local s, t = string.match(before, '^(%d+):(%d+)$')
    again[#again + 1] = {(i - 7) / 3, tonumber(s), tonumber(t)}
  else
    seq = seq + 1
    rows[#rows + 1] = ARGV[i]
    if key > 0 then
      redis.call('SET', KEYS[key], string.format('%.0f:%s', seq, ARGV[i + 1]), 'EX', ARGV[4])
    end
  end
end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', string.format('%.0f', seq))
redis.call('EXPIRE', KEYS[1], ARGV[3])
if #rows > 0 then
  local history = tonumber(ARGV[2])
  if history > 0 then
    redis.call('RPUSH', KEYS[2], unpack(rows))
    redis.call('LTRIM', KEYS[2], -history, -1)
    redis.call('EXPIRE', KEYS[2], ARGV[3])
  end
  local n, begin = #rows, nil
  if n < 16 then begin = string.char(0x90 + n)
  else begin = string.char(0xdc, math.floor(n / 256), n % 256) end
  redis.call('PUBLISH', ARGV[5],
    ARGV[6] .. cmsgpack.pack(epoch) .. cmsgpack.pack(first) .. begin .. table.concat(rows))
end
local answer = cmsgpack.pack({epoch, first, again})
redis.call('SET', KEYS[3], answer, 'EX', ARGV[4])
return answer
"""

GLANCE: Final = """
-- KEYS: head, messages    ARGV: epoch if there is none, seconds to live, from, to (negative from: so many newest)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq')
local epoch, seq = head[1], tonumber(head[2] or 0)
if not epoch then
  epoch, seq = ARGV[1], 0
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', 0)
  redis.call('DEL', KEYS[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
local oldest = seq - redis.call('LLEN', KEYS[2]) + 1
local from, to = tonumber(ARGV[3]), tonumber(ARGV[4])
if from < 0 then from, to = seq + 1 + from, seq end
if from < oldest then from = oldest end
local rows = {}
if from <= to then rows = redis.call('LRANGE', KEYS[2], from - oldest, to - oldest) end
table.insert(rows, 1, from)
table.insert(rows, 1, oldest)
table.insert(rows, 1, seq)
table.insert(rows, 1, epoch)
return rows
"""

_NOW: Final = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

CLAIM: Final = (
    _NOW
    + """
-- KEYS: nodes    ARGV: node, lease in milliseconds.  Returns 1 when its lease had not ended.
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if ends and tonumber(ends) > now then return 1 end
return 0
"""
)

LIVING: Final = _NOW + "return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')"

ENDED: Final = (
    _NOW
    + "return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, tonumber(ARGV[1]))"
)

SWEEP: Final = (
    _NOW
    + """
-- KEYS: nodes, channels of the node
-- ARGV: node, whether it ends ('lease': only if its lease has; 'goodbye': yes; 'rewrite': no, it writes itself anew),
--       where the users of a channel are, pub-sub channel of all, what is said there
-- Returns [0] nothing to do, [1] call again, [2] done; then the channels that it had users in.
if ARGV[2] == 'lease' then
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if not ends or tonumber(ends) > now then return {0} end
end
local answer, mine = {1}, ARGV[1] .. '|'
for _, channel in ipairs(redis.call('SPOP', KEYS[2], 100)) do
  answer[#answer + 1] = channel
  local place = ARGV[3] .. channel
  for _, field in ipairs(redis.call('HKEYS', place)) do
    if string.sub(field, 1, #mine) == mine then redis.call('HDEL', place, field) end
  end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return answer end
answer[1] = 2
if ARGV[2] ~= 'rewrite' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('PUBLISH', ARGV[4], ARGV[5])
end
return answer
"""
)

REMEMBER: Final = """
-- KEYS: messages by number, their size    ARGV: seconds to live, messages and bytes at most, then number, row, ...
local size = tonumber(redis.call('GET', KEYS[2]) or '')
if not size or redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[1])
  size = 0
end
for i = 4, #ARGV, 2 do
  if redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then size = size + #ARGV[i + 1] end
end
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
while over > 0 or size > tonumber(ARGV[3]) do
  local gone = redis.call('ZPOPMIN', KEYS[1])
  if not gone[1] then break end
  size = size - #gone[1]
  over = over - 1
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], string.format('%.0f', size), 'EX', ARGV[1])
return size
"""

ALL: Final = (APPEND, GLANCE, CLAIM, LIVING, ENDED, SWEEP, REMEMBER)

_HASHES: Final = {script: sha1(script.encode(), usedforsecurity=False).hexdigest() for script in ALL}


_READS: Final = frozenset((LIVING, ENDED))


def run(commands: Commands, script: str, keys: Sequence[str | bytes], arguments: Sequence[Any], done: Done) -> None:
    """Run `script`; `done` gets its reply, as `Commands.call` has it."""

    def on_reply(reply: Any) -> None:
        if isinstance(reply, hiredis.ReplyError) and code_of(reply) == "NOSCRIPT":
            commands.call(("EVAL", script, len(keys), *keys, *arguments), done)
            return
        if script not in _READS and not isinstance(reply, Exception):
            commands.complaint = None  # it takes writes
        done(reply)

    commands.call(("EVALSHA", _HASHES[script], len(keys), *keys, *arguments), on_reply)


def greeting() -> list[tuple[str, ...]]:
    """Return the commands that make Redis know all scripts."""
    return [("SCRIPT", "LOAD", script) for script in ALL]
