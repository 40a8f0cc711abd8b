/**
 * Who is in the channel in sight. Each name but our own leads to a conversation with that person.
 *
 * Read next: ../channel.js, which knows who is there.
 */

import { addressOf } from "../address.js";
import { byId, part, setText, stamp, syncList } from "./elements.js";
import { dressAvatar } from "./row_elements.js";

const NUMBER = new Intl.NumberFormat();

export class People {
  #list = byId("people-list");

  render({ active, user }) {
    const channel = active?.kind === "channel" ? active : null;
    const names = channel ? sorted(channel.members, user) : [];
    const count = channel?.count ?? 0;
    byId("people").hidden = byId("open-people").hidden = channel === null;
    setText(byId("count"), NUMBER.format(count));
    setText(byId("people-count"), NUMBER.format(count));
    syncList(this.#list, names, (name) => `${name === user} ${name}`, (name) => build(name, name === user));
    const more = count - names.length;
    setText(byId("people-more"), more > 0 ? `and ${NUMBER.format(more)} more` : lonely(channel, count));
  }
}

function lonely(channel, count) {
  return channel?.phase === "joined" && count === 1 ? "You are alone here. Others appear as they join." : "";
}

function sorted(members, user) {
  const others = [...members].filter((name) => name !== user);
  others.sort((one, other) => one.localeCompare(other));
  return members.has(user) ? [user, ...others] : others;
}

function build(name, self) {
  const element = stamp("person-template");
  dressAvatar(part(element, "avatar"), name);
  setText(part(element, "name"), name);
  part(element, "you").hidden = !self;
  part(element, "action").hidden = self;
  if (!self) part(element, "link").href = addressOf({ kind: "direct", name });
  return element;
}
