/**
 * The first screen: a name and a channel.
 *
 * Read next: app.js.
 */

import { nameFault } from "../protocol.js";
import { byId, setText } from "./elements.js";

export class Entrance {
  #root = byId("entrance");
  #name = byId("name");
  #channel = byId("first-channel");
  #problem = byId("enter-problem");
  #enter;

  /** `enter(user, channel)` gets names that are good as far as the page can tell. */
  constructor(enter) {
    this.#enter = enter;
    byId("enter").addEventListener("submit", (event) => this.#onSubmit(event));
  }

  /** Fill the fields with what is known; focus the first one that is not. */
  fill(name, channel) {
    this.#name.value = name;
    this.#channel.value = channel;
    (name ? byId("enter").querySelector("button") : this.#name).focus();
  }

  show(visible) {
    this.#root.hidden = !visible;
  }

  /** Say what went wrong. */
  report(sentence, field = this.#name) {
    setText(this.#problem, sentence);
    for (const input of [this.#name, this.#channel]) input.removeAttribute("aria-invalid");
    if (!sentence) return;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }

  #onSubmit(event) {
    event.preventDefault();
    const user = this.#name.value.trim();
    const channel = this.#channel.value.trim().replace(/^#+/, "");
    const userFault = user ? nameFault(user) : "is missing: others should know who you are";
    const channelFault = channel ? nameFault(channel) : "is missing: lobby is a good one to begin with";
    if (userFault) this.report(`Your name ${userFault}.`);
    else if (channelFault) this.report(`The channel ${channelFault}.`, this.#channel);
    else {
      this.report("");
      this.#enter(user, channel);
    }
  }
}
