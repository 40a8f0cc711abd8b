/**
 * The whole page: draws the chat whenever it changed, at most once per picture that the screen shows.
 *
 * It decides nothing about the chat; what a person does goes to the `actions` that it was given.
 *
 * Read next: the other files of this folder, one for each part of the screen.
 */

import { Composer } from "./composer.js";
import { Drawers } from "./drawers.js";
import { byId, setText } from "./elements.js";
import { Entrance } from "./entrance.js";
import { Logs } from "./logs.js";
import { People } from "./people.js";
import { Sidebar } from "./sidebar.js";
import { Status } from "./status.js";

/** A page that nobody sees is drawn now and then, for its title. */
const HIDDEN_MS = 250;

export class App {
  entrance;

  #chat;
  #connection;
  #composer;
  #logs;
  #sidebar;
  #status;
  #people = new People();
  #drawers = new Drawers();
  #pending = false;

  /**
   * @param {Chat} chat
   * @param {Connection} connection
   * @param {object} actions  enter(user, channel), exit(), join(name), leave(id), tryNow()
   */
  constructor(chat, connection, actions) {
    this.#chat = chat;
    this.#connection = connection;
    this.entrance = new Entrance(actions.enter);
    this.#composer = new Composer((conversation, text) => this.#say(conversation, text));
    this.#logs = new Logs({
      loadOlder: (channel) => chat.loadOlder(channel),
      retry: (conversation, key) => chat.retry(conversation, key),
      discard: (conversation, key) => chat.discard(conversation, key),
    });
    this.#sidebar = new Sidebar({ ...actions, suggest: () => chat.loadSuggestions() });
    this.#status = new Status(actions.tryNow);
    byId("skip").addEventListener("click", (event) => this.#onSkip(event));
    byId("close-report").addEventListener("click", () => this.#closeReport());
    document.addEventListener("visibilitychange", () => this.#pending && this.#draw());
  }

  /** Draw soon. */
  changed() {
    if (this.#pending) return;
    this.#pending = true;
    if (document.hidden) setTimeout(() => this.#draw(), HIDDEN_MS);
    else requestAnimationFrame(() => this.#draw());
  }

  /** Draw now, and put the focus where one writes; on a touch screen that would open the keyboard unasked. */
  focusConversation() {
    this.#draw();
    this.#drawers.close();
    if (matchMedia("(pointer: coarse)").matches) byId("title").focus();
    else this.#composer.focus();
  }

  /** Something went wrong: say it where the person is. */
  report(sentence) {
    if (this.#chat.user === null) {
      this.entrance.report(sentence);
      return;
    }
    setText(byId("report-text"), sentence);
    byId("report").hidden = false;
  }

  #say(conversation, text) {
    const problem = this.#chat.say(conversation, text);
    if (problem === null) this.#logs.goToEnd();
    return problem;
  }

  #draw() {
    this.#pending = false;
    const inside = this.#chat.user !== null;
    this.entrance.show(!inside);
    byId("chat").hidden = !inside;
    document.title = this.#titleOfPage();
    if (!inside) return;
    this.#drawHead(this.#chat.active);
    for (const view of [this.#sidebar, this.#people, this.#composer, this.#logs]) view.render(this.#chat);
    this.#status.render(this.#connection.state);
  }

  #drawHead(active) {
    setText(byId("title"), active?.name ?? "No conversation is open");
    byId("chat").dataset.kind = active?.kind ?? "none";
  }

  #titleOfPage() {
    const { active, unread } = this.#chat;
    if (!active) return "wsserver chat";
    return `${unread ? `(${unread}) ` : ""}${active.kind === "channel" ? "#" : ""}${active.name} · wsserver`;
  }

  #onSkip(event) {
    event.preventDefault(); // the address says which conversation is in sight
    this.#composer.focus();
  }

  #closeReport() {
    byId("report").hidden = true;
    setText(byId("report-text"), "");
    this.#composer.focus();
  }
}
