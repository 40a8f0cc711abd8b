/**
 * What a conversation looks like as a list of rows: days, the mark of what is new, messages in groups, what is on its way.
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
    if (dayOf(entry.ts) !== dayOf(last?.ts ?? NaN)) {
      rows.push({ key: `day ${dayOf(entry.ts)} before ${entry.key}`, kind: "day", ts: entry.ts });
      last = null;
    }
    if (entry.key === newFrom) {
      rows.push({ key: `new ${entry.key}`, kind: "new" });
      last = null;
    }
    const grouped = follows(entry, last);
    rows.push({ ...entry, key: `${entry.key}${grouped ? " grouped" : ""}`, grouped });
    last = entry;
  }
  for (const message of outgoing) {
    if (!message.visible) continue;
    const entry = { kind: "message", user, ts: message.ts };
    const grouped = follows(entry, last);
    rows.push({ key: `out ${message.key} ${message.phase}${grouped ? " grouped" : ""}`, kind: "outgoing", grouped, user, message });
    last = entry;
  }
  return rows;
}

function follows(entry, last) {
  return last?.kind === "message" && entry.kind === "message" && last.user === entry.user
    && (last.label ?? "") === (entry.label ?? "") && entry.ts - last.ts < GROUP_MS;
}
