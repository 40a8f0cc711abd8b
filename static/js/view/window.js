/**
 * Which part of a long conversation is in the document: at most 500 entries, usually the newest.
 *
 * Pure. The part is held by the key of its last entry, so it stays where it is while entries come at both ends.
 *
 *     older() <-- [ ....... shown ....... ] --> newer(), follow()
 *
 * Read next: log.js.
 */

export const SHOWN = 500;
const STEP = 200;

export class Window {
  /** The key of the last entry shown; null while it is the newest, whichever that is. */
  #last = null;

  /** [from, to) of the entries to show. */
  range(entries) {
    let to = entries.length;
    if (this.#last !== null) {
      to = entries.findLastIndex((entry) => entry.key === this.#last) + 1;
      if (to === 0) this.#last = null; // it was forgotten: follow the newest again
    }
    if (this.#last === null) to = entries.length;
    return [Math.max(0, to - SHOWN), to];
  }

  /** Stay here while new entries come, if otherwise they would push out what is being read. */
  pin(entries) {
    if (this.#last === null && entries.length >= SHOWN) this.#last = entries.at(-1).key;
  }

  /** Show the newest from now on. */
  follow() {
    this.#last = null;
  }

  /** Move towards the beginning; false when it is reached. */
  older(entries) {
    const [from, to] = this.range(entries);
    if (from === 0) return false;
    this.#last = entries[Math.max(SHOWN, to - STEP) - 1].key;
    return true;
  }

  /** Move towards the end; false when it is reached. */
  newer(entries) {
    const [, to] = this.range(entries);
    if (to === entries.length) {
      this.follow();
      return false;
    }
    const further = Math.min(entries.length, to + STEP);
    this.#last = further === entries.length ? null : entries[further - 1].key;
    return true;
  }
}
