/**
 * What all conversations have: entries, messages on their way out, a count of what is unread, a draft.
 *
 *     entries    what was said, oldest first: { key, kind: "message" | "notice", user, text, ts, own, label }
 *     outgoing   what we said and nobody confirmed yet
 *
 * Pure: it neither sends nor draws. Read next: channel.js and direct.js, the two kinds.
 */

/** Entries kept in memory; far more than the document shows, and a channel can be asked for what is older. */
export const KEEP = 2000;

/** Cut in one go, so that not every message above the limit moves the whole array. */
const CUT = 200;

export class Conversation {
  entries = [];
  outgoing = [];
  unread = 0;
  /** The key of the first entry that was not read when it came; null when there is none. */
  newFrom = null;
  draft = "";
  /** May grow when a person loads what is older: it was asked for. */
  keep = KEEP;

  #notices = 0;

  /** `kind` is "channel" or "direct"; `id` is unique among both. */
  constructor(id, kind, name) {
    this.id = id;
    this.kind = kind;
    this.name = name;
  }

  /** Append an entry; return how many old ones were forgotten. */
  add(entry) {
    this.entries.push(entry);
    if (this.entries.length < this.keep + CUT) return 0;
    return this.entries.splice(0, this.entries.length - this.keep).length;
  }

  /** Append a sentence of the page itself. */
  notice(text, ts) {
    this.add({ key: `notice ${++this.#notices}`, kind: "notice", text, ts });
  }

  /** Count an entry as unread: it came while nobody looked. */
  countUnread(entry) {
    this.unread += 1;
    this.newFrom ??= entry.key;
  }

  /** Everything has been looked at; the mark before the first new entry stays for orientation. */
  markRead() {
    this.unread = 0;
  }

  find(key) {
    return this.outgoing.find((message) => message.key === key);
  }

  remove(message) {
    this.outgoing = this.outgoing.filter((other) => other !== message);
  }
}
