/**
 * The logs of all conversations, one of which is in sight, and the button that leads to its newest message.
 *
 * Read next: log.js.
 */

import { byId, setText } from "./elements.js";
import { Log } from "./log.js";

export class Logs {
  #logs = new Map();
  #root = byId("logs");
  #newest = byId("newest");
  #actions;
  #shown = null;

  /** `actions`: `loadOlder`, `retry`, `discard`, each of which gets the conversation first. */
  constructor(actions) {
    this.#actions = { ...actions, moved: () => this.#renderNewest() };
    this.#newest.addEventListener("click", () => {
      this.#shown.goToEnd();
      this.#renderNewest();
      byId("message").focus();
    });
  }

  render({ conversations, active, user }) {
    for (const [conversation, log] of this.#logs) {
      if (conversations.get(conversation.id) === conversation) continue;
      log.element.remove();
      this.#logs.delete(conversation);
    }
    this.#shown = active ? this.#logOf(active) : null;
    this.#shown?.render(user); // drawn before it is shown: what was said before is no news
    for (const log of this.#logs.values()) log.show(log === this.#shown);
    this.#renderNewest();
  }

  /** Go to the end of the log in sight: its reader has just said something. */
  goToEnd() {
    this.#shown?.goToEnd();
  }

  #logOf(conversation) {
    if (!this.#logs.has(conversation)) {
      const log = new Log(conversation, this.#actions);
      this.#logs.set(conversation, log);
      this.#root.insertBefore(log.element, this.#newest);
    }
    return this.#logs.get(conversation);
  }

  #renderNewest() {
    const behind = this.#shown?.behind ?? null;
    this.#newest.hidden = behind === null;
    setText(this.#newest, behind ? `${behind} new ${behind === 1 ? "message" : "messages"}` : "To the newest message");
  }
}
