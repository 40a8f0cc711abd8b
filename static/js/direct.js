/**
 * A conversation with one user. The server stores nothing of it and numbers nothing: it reaches who is there now.
 *
 * Pure. Read next: chat.js.
 */

import { Conversation } from "./conversation.js";

export class Direct extends Conversation {
  #said = 0;

  constructor(id, name) {
    super(id, "direct", name);
  }

  sendCommand({ text }) {
    return { type: "direct", to: this.name, text };
  }

  /** Keep what was said by `author`; `label` tells who else heard it. Returns the entry. */
  hear(author, text, ts, own = false, label = "") {
    const entry = { key: `direct ${++this.#said}`, kind: "message", user: author, text, ts, own, label };
    this.add(entry);
    return entry;
  }

  /** The server handed it over: now it has been said. */
  acknowledge(message, _ack, user) {
    this.remove(message);
    if (this.name !== user) this.hear(user, message.text, message.ts, true); // what we say to ourselves comes back
  }

  /** There are no keys for direct messages: sending again could say it twice, so a person decides. */
  loseTrack(message) {
    message.markUnknown();
  }
}
