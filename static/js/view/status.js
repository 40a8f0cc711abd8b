/**
 * Says how the connection is: a word with a dot, and a banner with the way out while it is not there.
 *
 * Only the word is read aloud; seconds that are counted down would not let anybody hear anything else.
 *
 * Read next: ../connection.js for the states.
 */

import { byId, setText } from "./elements.js";

const WORDS = new Map([
  ["idle", "Offline"],
  ["connecting", "Connecting"],
  ["online", "Online"],
  ["waiting", "Offline"],
  ["stopped", "Disconnected"],
]);

const TICK_MS = 250;

export class Status {
  #word = byId("connection");
  #banner = byId("banner");
  #text = byId("banner-text");
  #countdown = byId("countdown");
  #state = { kind: "idle" };
  #timer = null;
  #trouble = "";

  constructor(tryNow) {
    byId("try-now").addEventListener("click", tryNow);
  }

  render(state) {
    this.#state = state;
    setText(this.#word, WORDS.get(state.kind));
    this.#word.dataset.state = state.kind;
    if (state.sentence) this.#trouble = state.sentence;
    if (state.kind === "online" || state.kind === "idle") this.#trouble = "";
    // The first connection needs no banner; one that failed keeps it until there is one, so that nothing jumps.
    this.#banner.hidden = this.#trouble === "";
    setText(this.#text, this.#trouble);
    this.#tick();
  }

  #tick() {
    clearTimeout(this.#timer);
    setText(this.#countdown, this.#outlook());
    if (this.#state.kind === "waiting") this.#timer = setTimeout(() => this.#tick(), TICK_MS);
  }

  #outlook() {
    if (this.#state.kind === "connecting") return "Trying again now.";
    if (this.#state.kind !== "waiting") return "";
    const seconds = Math.max(1, Math.ceil((this.#state.retryAt - Date.now()) / 1000));
    return `Next try in ${seconds} s.`;
  }
}
