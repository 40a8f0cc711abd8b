/**
 * The field to write in: Enter sends, Shift+Enter begins a new line, each conversation keeps its draft.
 *
 * Read next: app.js.
 */

import { byId, setText } from "./elements.js";

export class Composer {
  #form = byId("composer");
  #field = byId("message");
  #problem = byId("message-problem");
  #conversation = null;
  #say;

  /** `say(conversation, text)` returns what is wrong with the text as a sentence, or null when it is on its way. */
  constructor(say) {
    this.#say = say;
    this.#form.addEventListener("submit", (event) => this.#onSubmit(event));
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#field.addEventListener("input", () => this.#onInput());
  }

  render({ active }) {
    this.#form.hidden = active === null;
    if (active === this.#conversation) return;
    this.#conversation = active;
    const name = active === null ? "" : active.kind === "channel" ? `#${active.name}` : active.name;
    setText(byId("message-label"), `Message to ${name}`);
    this.#field.placeholder = `Message ${name}`;
    this.#field.value = active?.draft ?? "";
    this.#showProblem(null);
    this.#fit();
  }

  focus() {
    this.#field.focus();
  }

  #onSubmit(event) {
    event.preventDefault();
    const text = this.#field.value.trim();
    this.#field.focus();
    if (!text) return;
    const problem = this.#say(this.#conversation, text);
    this.#showProblem(problem);
    if (problem !== null) return;
    this.#field.value = this.#conversation.draft = "";
    this.#fit();
  }

  #onKey(event) {
    // While somebody composes a character, Enter belongs to the input method. Safari says so only by the code 229.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #onInput() {
    if (this.#conversation) this.#conversation.draft = this.#field.value;
    this.#showProblem(null);
    this.#fit();
  }

  #showProblem(problem) {
    setText(this.#problem, problem ?? "");
    this.#field.setAttribute("aria-invalid", String(problem !== null));
  }

  /** As tall as the text, for browsers that cannot do it by `field-sizing`; the style sheet sets the limit. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}
