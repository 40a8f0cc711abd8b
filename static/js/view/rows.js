/**
 * What a conversation looks like as a list of rows: days, the mark of what is new, messages in groups, and what is on
 * its way.
 *
 * Pure. A row's key says all that its element depends on, so an element never needs to change: it is kept or replaced.
 *
 * Read next: log.js, which turns rows into elements.
 */

import { dayOf } from "./format.js";

/** Messages of one person within this time stand together under one name. */
const GROUP_MS = 5 * 60 * 1000;

/** Rows for `entries` (oldest first) and the messages that are on their way. */
export function rowsOf(entries, outgoing, newFrom, user) {
  const rows = [];
  let last = null;
  for (const entry of entries) {
    last = openDay(rows, entry, last);
    if (entry.key === newFrom) {
      rows.push({ key: `new ${entry.key}`, kind: "new" });
      last = null;
    }
    const grouped = follows(entry, last);
    rows.push({ ...entry, key: `${entry.key}${grouped ? " grouped" : ""}`, grouped });
    last = entry;
  }
  for (const message of outgoing.filter(({ visible }) => visible)) {
    const entry = { kind: "message", user, ts: message.ts, key: message.key };
    const grouped = follows(entry, openDay(rows, entry, last));
    const key = `out ${message.key} ${message.phase}${grouped ? " grouped" : ""}`;
    rows.push({ key, kind: "outgoing", grouped, user, message });
    last = entry;
  }
  return rows;
}

/** Add the row of a new day if `entry` begins one. Returns what `entry` may be grouped with: nothing across days. */
function openDay(rows, { key, ts }, last) {
  if (last !== null && dayOf(ts) === dayOf(last.ts)) return last;
  rows.push({ key: `day ${dayOf(ts)} before ${key}`, kind: "day", ts });
  return null;
}

function follows(entry, last) {
  return last?.kind === "message" && entry.kind === "message" && last.user === entry.user
    && (last.label ?? "") === (entry.label ?? "") && entry.ts - last.ts < GROUP_MS;
}
