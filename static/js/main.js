/**
 * The composition root of the page: makes the parts, wires them, and follows the address.
 *
 *     WebSocket -> Connection -> Chat -> App (the document)
 *                                 ^------ actions of the person
 *
 * Read next: protocol.js, connection.js, chat.js, then view/app.js.
 */

import { addressOf, readAddress } from "./address.js";
import { Chat } from "./chat.js";
import { Connection } from "./connection.js";
import { recallName, recallSession, rememberName, rememberSession } from "./memory.js";
import { SUBPROTOCOL, chatUrl } from "./protocol.js";
import { App } from "./view/app.js";

const FIRST_CHANNEL = "lobby";

const clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

const connection = new Connection({
  openSocket: () => new WebSocket(chatUrl(location.href), SUBPROTOCOL),
  clock,
  random: Math.random,
  listener: { onState: (state) => chat.onState(state), onEvent: (event) => chat.onEvent(event) },
});

const chat = new Chat({
  connection,
  clock,
  newKey,
  changed: onChange,
  report: (sentence) => app.report(sentence),
});

const app = new App(chat, connection, {
  enter(user, channel) {
    rememberName(user);
    chat.enter(user);
    go({ kind: "channel", name: channel });
  },
  exit() {
    chat.exit();
    app.entrance.fill(recallName(), channelOfAddress());
  },
  join: (name) => go({ kind: "channel", name }),
  leave(id) {
    chat.leave(chat.conversations.get(id));
    if (chat.active) go(chat.active);
    else app.focusConversation();
  },
  tryNow: () => connection.start(),
});

/** Unique enough never to meet another one within five minutes; crypto.randomUUID exists on secure pages only. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Look at a conversation and say so in the address. */
function go(place) {
  const conversation = chat.show(place);
  if (!conversation) return;
  const address = addressOf(conversation);
  if (location.hash !== address) location.hash = address;
  app.focusConversation();
}

function onChange() {
  const channels = [...chat.conversations.values()].filter(({ kind }) => kind === "channel").map(({ name }) => name);
  rememberSession(chat.user === null ? null : { user: chat.user, channels });
  app.changed();
}

function channelOfAddress() {
  const place = readAddress(location.hash);
  return place?.kind === "channel" ? place.name : FIRST_CHANNEL;
}

function begin() {
  const session = recallSession(); // before anything changes, and with it what is remembered
  chat.setWatched(!document.hidden);
  if (session === null) {
    app.entrance.fill(recallName(), channelOfAddress());
    return;
  }
  chat.enter(session.user);
  for (const name of session.channels) chat.open({ kind: "channel", name });
  const home = { kind: "channel", name: session.channels[0] ?? FIRST_CHANNEL };
  go(readAddress(location.hash) ?? home);
  if (chat.active === null) go(home);
}

addEventListener("hashchange", () => {
  const place = readAddress(location.hash);
  if (chat.user !== null && place !== null) go(place);
});
addEventListener("beforeunload", (event) => {
  if (chat.hasUnsent) event.preventDefault(); // the browser asks whether to go
});
addEventListener("online", () => connection.check());
document.addEventListener("visibilitychange", () => {
  chat.setWatched(!document.hidden);
  if (!document.hidden) connection.check();
});

begin();
