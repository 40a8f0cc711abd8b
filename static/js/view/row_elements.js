/**
 * Turns one row into its element. An element never changes afterwards, but for messages on their way.
 *
 * Read next: log.js.
 */

import { part, setText, stamp } from "./elements.js";
import { formatDay, formatFull, formatTime, hueOf, initialOf, piecesOf } from "./format.js";

const PROGRESS = new Map([
  ["waiting", "Waiting for the connection"],
  ["sent", "Sending"],
]);

/** The element of a row; `actions` are `retry(key)` and `discard(key)`. */
export function buildRow(row, actions) {
  if (row.kind === "day") return buildDay(row);
  if (row.kind === "new") return stamp("new-template");
  if (row.kind === "notice") return buildNotice(row);
  return row.kind === "outgoing" ? buildOutgoing(row, actions) : buildMessage(row);
}

/** Give an avatar its letter and its colour. */
export function dressAvatar(avatar, name) {
  setText(avatar, initialOf(name));
  avatar.className = `${avatar.className.replace(/ ?\bhue-\d\b/, "")} hue-${hueOf(name)}`;
}

function buildDay({ ts }) {
  const element = stamp("day-template");
  const time = part(element, "text");
  setText(time, formatDay(ts, Date.now()));
  time.dateTime = new Date(ts).toISOString().slice(0, 10);
  return element;
}

function buildNotice({ text }) {
  const element = stamp("notice-template");
  setText(part(element, "text"), text);
  return element;
}

function buildMessage(row) {
  const element = stamp("message-template");
  setText(part(element, "label"), row.label ?? "");
  fillMessage(element, row, row.text, row.ts);
  return element;
}

function buildOutgoing(row, actions) {
  const { message } = row;
  const element = stamp("outgoing-template");
  fillMessage(element, { ...row, own: true }, message.text, message.ts);
  element.classList.add(message.phase);
  const failed = message.phase === "failed";
  // It will be read aloud when it has arrived; only bad news cannot wait.
  if (!failed) element.setAttribute("aria-live", "off");
  setText(part(element, "progress"), failed ? message.sentence : PROGRESS.get(message.phase));
  part(element, "choices").hidden = !failed;
  part(element, "retry").addEventListener("click", () => actions.retry(message.key));
  part(element, "discard").addEventListener("click", () => actions.discard(message.key));
  return element;
}

function fillMessage(element, { user, grouped, own }, text, ts) {
  element.classList.toggle("grouped", grouped);
  element.classList.toggle("own", Boolean(own));
  dressAvatar(part(element, "avatar"), user);
  setText(part(element, "author"), user);
  const time = part(element, "time");
  setText(time, formatTime(ts));
  time.dateTime = new Date(ts).toISOString();
  time.title = formatFull(ts);
  part(element, "text").append(...piecesOf(text).map(buildPiece));
}

function buildPiece({ text, href }) {
  if (!href) return document.createTextNode(text);
  const link = document.createElement("a");
  link.textContent = text;
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}
