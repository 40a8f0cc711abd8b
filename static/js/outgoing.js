/**
 * A message on its way out: what was said, and how far it has come. It says only what is known.
 *
 *     waiting --sent--> sent --ack--> (gone: it is an entry now)
 *        ^               |  \
 *        +--lost---------+   +--refused--> failed --a person tries again--> waiting
 *
 * Pure. Read next: conversation.js, which keeps these until they are acknowledged.
 */

import { KEY_LIFE_MS } from "./protocol.js";

const UNKNOWN = "The connection was lost before the server confirmed this. It may have arrived.";

export class Outgoing {
  /** "waiting", "sent" or "failed". */
  phase = "waiting";
  /** Why it failed, as a sentence. */
  sentence = "";
  /** The number that the acknowledgement gave it, while the message itself is not here yet. */
  seq = null;
  /** A message that looks like this one has arrived, so this one need not be shown while we wait for the word. */
  echoed = false;

  #firstSentAt = null;

  /** `key` makes sending it twice harmless; `ts` is milliseconds since 1970. */
  constructor(key, text, ts) {
    this.key = key;
    this.text = text;
    this.ts = ts;
  }

  get visible() {
    return this.phase === "failed" || !this.echoed;
  }

  get hasLeft() {
    return this.#firstSentAt !== null;
  }

  markSent(now) {
    this.phase = "sent";
    this.#firstSentAt ??= now;
  }

  /** Wait for the next connection: the same key makes that safe. */
  markWaiting() {
    this.phase = "waiting";
  }

  markFailed(sentence) {
    this.phase = "failed";
    this.sentence = sentence;
  }

  /** It left, and nobody can find out what became of it. */
  markUnknown() {
    this.markFailed(UNKNOWN);
  }

  /** Whether the server may have forgotten the key, so that sending again could show the text twice. */
  isStale(now) {
    return this.hasLeft && now - this.#firstSentAt > KEY_LIFE_MS;
  }

  /** A person wants it sent (again), whatever became of it. */
  revive() {
    this.phase = "waiting";
    this.sentence = "";
    this.echoed = false;
    this.#firstSentAt = null;
  }
}
