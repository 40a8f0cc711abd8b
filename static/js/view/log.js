/**
 * The log of one conversation: rows that follow the newest message unless the reader has scrolled away from it.
 *
 * It draws what it is given and decides nothing about the chat. Each conversation has an element of its own, so that a
 * screen reader does not take switching for news, and each keeps its place.
 *
 * Read next: rows.js and window.js, which say what is drawn.
 */

import { joinLine } from "../protocol.js";
import { part, setText, stamp, syncList } from "./elements.js";
import { buildRow } from "./row_elements.js";
import { rowsOf } from "./rows.js";
import { Window } from "./window.js";

/** So near to an end of the log counts as being there, in pixels. */
const NEAR = 48;

export class Log {
  element = stamp("log-template");

  #conversation;
  #actions;
  #rows = part(this.element, "rows");
  #older = part(this.element, "older");
  #window = new Window();
  #atEnd = true;
  #top = 0;
  #seen = null;
  #wantsOlder = false;
  #user = "";

  /** `actions`: `loadOlder`, `retry`, `discard`, each of which gets the conversation first, and `moved()`. */
  constructor(conversation, actions) {
    this.#conversation = conversation;
    this.#actions = actions;
    const sign = conversation.kind === "channel" ? "#" : "";
    this.element.setAttribute("aria-label", `Messages in ${sign}${conversation.name}`);
    this.#fillEmpty();
    this.#older.addEventListener("click", () => this.#goOlder());
    this.element.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    new ResizeObserver(() => this.#settle()).observe(this.element);
  }

  /** How many messages came since the reader left the end; null while the reader is there. */
  get behind() {
    if (this.#atEnd) return null;
    const { entries } = this.#conversation;
    return entries.length - 1 - entries.findLastIndex((entry) => entry.key === this.#seen);
  }

  /** Come into sight, or go out of it: an element that is not displayed forgets how far it was scrolled. */
  show(visible) {
    if (this.element.hidden !== visible) return;
    if (!visible) this.#top = this.element.scrollTop;
    this.element.hidden = !visible;
    if (visible) this.element.scrollTop = this.#atEnd ? this.element.scrollHeight : this.#top;
  }

  /** Go to the newest message. */
  goToEnd() {
    this.#window.follow();
    this.#atEnd = true;
    this.render(this.#user);
  }

  render(user) {
    this.#user = user;
    const { entries, outgoing, newFrom, hasOlder, loadingOlder, phase } = this.#conversation;
    if (!this.#atEnd) this.#window.pin(entries);
    this.#showWhatWasLoaded(entries, loadingOlder);
    const [from, to] = this.#window.range(entries);
    const rows = rowsOf(entries.slice(from, to), to === entries.length ? outgoing : [], newFrom, user);
    this.#keepPlace(() => {
      syncList(this.#rows, rows, (row) => row.key, (row) => buildRow(row, this.#rowActions()));
      this.#older.hidden = from === 0 && !hasOlder;
      setText(this.#older, loadingOlder ? "Loading earlier messages" : "Load earlier messages");
    });
    this.element.setAttribute("aria-busy", String(phase === "joining" && rows.length === 0));
    this.#renderEmpty(rows.length === 0, phase);
    if (this.#atEnd) this.#seen = entries.at(-1)?.key ?? null;
  }

  #rowActions() {
    return {
      retry: (key) => this.#actions.retry(this.#conversation, key),
      discard: (key) => this.#actions.discard(this.#conversation, key),
    };
  }

  /** What was asked for is here, but above the part that is shown: move there. */
  #showWhatWasLoaded(entries, loadingOlder) {
    if (!this.#wantsOlder || loadingOlder) return;
    this.#wantsOlder = false;
    if (this.#window.range(entries)[0] > 0) this.#window.older(entries);
  }

  /** Change the rows without moving what the reader looks at; what is old is not read aloud as news. */
  #keepPlace(change) {
    const inSight = this.#atEnd ? [] : this.#rowsInSight();
    this.element.setAttribute("aria-live", this.#atEnd ? "polite" : "off");
    change();
    const anchor = inSight.find(({ row }) => row.isConnected); // what stands at an end of a page may look different now
    if (anchor) this.element.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
    this.#settle();
  }

  #rowsInSight() {
    const { top, bottom } = this.element.getBoundingClientRect();
    return [...this.#rows.children]
      .map((row) => ({ row, top: row.getBoundingClientRect().top, bottom: row.getBoundingClientRect().bottom }))
      .filter((place) => place.bottom > top && place.top < bottom);
  }

  #settle() {
    if (this.#atEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (clientHeight === 0) return; // going out of sight scrolls too
    const below = scrollHeight - clientHeight - scrollTop;
    const wasAtEnd = this.#atEnd;
    this.#atEnd = false;
    if (below < NEAR) {
      this.#atEnd = !this.#window.newer(this.#conversation.entries);
      this.render(this.#user);
    } else if (scrollTop < NEAR) {
      this.#goOlder();
    }
    if (wasAtEnd !== this.#atEnd) this.#actions.moved();
  }

  #goOlder() {
    this.#atEnd = false;
    if (this.#window.older(this.#conversation.entries)) {
      this.render(this.#user);
    } else if (this.#conversation.hasOlder) {
      this.#wantsOlder = true;
      this.#actions.loadOlder(this.#conversation);
    }
  }

  #fillEmpty() {
    const { kind, name } = this.#conversation;
    const channel = kind === "channel";
    setText(part(this.element, "empty-title"), channel ? `This is the beginning of #${name}` : `You and ${name}`);
    setText(part(this.element, "line"), channel ? joinLine(location.href, name) : "");
    part(this.element, "command").hidden = part(this.element, "command-note").hidden = !channel;
  }

  #renderEmpty(empty, phase) {
    part(this.element, "empty").hidden = !empty || phase === "joining";
    const alone = this.#conversation.kind === "channel" && this.#conversation.count <= 1;
    setText(part(this.element, "empty-text"), this.#emptyText(alone));
  }

  #emptyText(alone) {
    if (this.#conversation.kind === "direct") {
      return "Direct messages go to that person alone. They are not stored: they reach whoever is here now.";
    }
    return alone
      ? "Nobody else is here yet. Open this page in a second tab, or run this in a terminal:"
      : "Nobody has said anything yet. Say hello, or join from a terminal:";
  }
}
