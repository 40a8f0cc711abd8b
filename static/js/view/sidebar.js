/**
 * The list of conversations: channels and people, what is unread in each, and the field to join another channel.
 *
 * A conversation is a link to its address, so going there, and back again, is the browser's business.
 *
 * Read next: ../address.js.
 */

import { addressOf } from "../address.js";
import { byId, part, setText, stamp, syncList } from "./elements.js";
import { dressAvatar } from "./row_elements.js";

export class Sidebar {
  #actions;
  #channels = byId("channel-list");
  #directs = byId("direct-list");
  #joinName = byId("join-name");

  /** `actions`: `join(name)`, `leave(id)`, `exit()`, `suggest()`. */
  constructor(actions) {
    this.#actions = actions;
    byId("join").addEventListener("submit", (event) => this.#onJoin(event));
    byId("exit").addEventListener("click", () => actions.exit());
    this.#joinName.addEventListener("focus", () => actions.suggest());
  }

  render({ conversations, active, user, suggestions, unread }) {
    const all = [...conversations.values()];
    const directs = all.filter(({ kind }) => kind === "direct");
    this.#renderList(this.#channels, all.filter(({ kind }) => kind === "channel"), active);
    this.#renderList(this.#directs, directs, active);
    byId("directs").hidden = directs.length === 0;
    byId("elsewhere").hidden = unread === 0;
    setText(byId("my-name"), user ?? "");
    dressAvatar(byId("my-avatar"), user ?? "?");
    const fresh = suggestions.filter((name) => !conversations.has(`#${name}`));
    syncList(byId("suggestions"), fresh, (name) => name, (name) => new Option(name, name));
  }

  #renderList(list, items, active) {
    const build = (conversation) => this.#build(conversation);
    syncList(list, items, ({ id }) => id, build, (element, conversation) => {
      const link = part(element, "link");
      if (conversation === active) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      element.classList.toggle("has-unread", conversation.unread > 0);
      part(element, "badge").hidden = conversation.unread === 0;
      setText(part(element, "unread"), conversation.unread > 99 ? "99+" : String(conversation.unread));
    });
  }

  #build(conversation) {
    const { kind, name, id } = conversation;
    const element = stamp("conversation-template");
    part(element, "link").href = addressOf(conversation);
    const sign = part(element, "sign");
    if (kind === "channel") {
      setText(sign, "#");
    } else {
      sign.className = "avatar small";
      dressAvatar(sign, name);
    }
    setText(part(element, "name"), name);
    const leave = part(element, "leave");
    leave.setAttribute("aria-label", kind === "channel" ? `Leave ${name}` : `Close the conversation with ${name}`);
    leave.addEventListener("click", () => this.#actions.leave(id));
    return element;
  }

  #onJoin(event) {
    event.preventDefault();
    const name = this.#joinName.value.trim().replace(/^#+/, "");
    if (!name) {
      this.#joinName.focus();
      return;
    }
    this.#joinName.value = "";
    this.#actions.join(name);
  }
}
