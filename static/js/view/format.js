/**
 * How times, names and texts look. Pure but for the browser's own language and time zone.
 *
 * Read next: rows.js.
 */

const HUES = 8;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

export const formatTime = (ts) => TIME.format(ts);
export const formatFull = (ts) => FULL.format(ts);

/** A day as people say it: Today, Yesterday, Monday, June 3, or with the year when it is another one. */
export function formatDay(ts, now) {
  const day = dayOf(ts);
  if (day === dayOf(now)) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === dayOf(yesterday)) return "Yesterday";
  return new Date(ts).getFullYear() === new Date(now).getFullYear() ? DAY.format(ts) : DAY_AND_YEAR.format(ts);
}

/** The same for all times of one local day. */
export function dayOf(ts) {
  return new Date(ts).toDateString();
}

/** One of eight colours for a name, always the same one: the number in a class `hue-N`. */
export function hueOf(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 65_521;
  return hash % HUES;
}

/** The letter on an avatar: the first thing in the name that a person would call a character. */
export function initialOf(name) {
  return (String.fromCodePoint(name.codePointAt(0) ?? 0x3f)).toUpperCase();
}

const LINK = /https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?()[\]{}]/g;

/** A text in pieces: { text } or { text, href } for an address of the web. */
export function piecesOf(text) {
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push({ text: match[0], href: match[0] });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}
