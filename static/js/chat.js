/**
 * The chat as one person sees it: which conversations there are, what goes out, what comes in.
 *
 * It knows no document; whoever draws it is called through `changed`. What the server promises (docs/protocol.md) is
 * used here: missing messages are asked for by `since`, unconfirmed ones are sent again with the same key.
 *
 * Read next: channel.js; view/app.js, which draws all this.
 */

import { Channel } from "./channel.js";
import { Lost } from "./connection.js";
import { Direct } from "./direct.js";
import { Outgoing } from "./outgoing.js";
import { PAGE, nameFault, sizeOf, wellFormed } from "./protocol.js";

/** Before trying again what the server could not do just now. */
const AGAIN_MS = 3000;

export class Chat {
  /** Our name; null before we entered. */
  user = null;
  /** All conversations by id, in the order in which they were opened. */
  conversations = new Map();
  /** The conversation in sight; null when there is none. */
  active = null;
  /** Channels that exist on the server, the fullest first: suggestions. */
  suggestions = [];

  #connection;
  #clock;
  #newKey;
  #changed;
  #report;
  #watched = true;

  /**
   * @param {object} parts
   * @param {Connection} parts.connection
   * @param {{now, after}} parts.clock  milliseconds since 1970, and a timer that returns its cancel
   * @param {() => string} parts.newKey  unique, for sending the same message twice without saying it twice
   * @param {() => void} parts.changed  something looks different now
   * @param {(sentence: string) => void} parts.report  something went wrong that belongs to no message
   */
  constructor({ connection, clock, newKey, changed, report }) {
    this.#connection = connection;
    this.#clock = clock;
    this.#newKey = newKey;
    this.#changed = changed;
    this.#report = report;
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);
  }

  /** Whether something was said that would be lost with this page. */
  get hasUnsent() {
    return [...this.conversations.values()].some(({ outgoing }) => outgoing.length > 0);
  }

  /** Come in under a name. */
  enter(user) {
    this.user = user;
    this.#connection.start();
    this.#changed();
  }

  /** Go, and forget everything. */
  exit() {
    this.#connection.stop();
    this.user = null;
    this.conversations.clear();
    this.active = null;
    this.#changed();
  }

  /** Open a conversation, joining the channel if need be, without looking at it. Returns it, or null for a bad name. */
  open({ kind, name }) {
    const id = (kind === "direct" ? "@" : "#") + name;
    const known = this.conversations.get(id);
    if (known) return known;
    const fault = nameFault(name);
    if (fault) {
      this.#report(`The name of a ${kind === "direct" ? "person" : "channel"} ${fault}.`);
      return null;
    }
    const conversation = kind === "direct" ? new Direct(id, name) : new Channel(id, name);
    this.conversations.set(id, conversation);
    if (kind === "channel") this.#join(conversation);
    this.#changed();
    return conversation;
  }

  /** Look at a conversation. Returns it, or null when its name is no good. */
  show(address) {
    const conversation = this.open(address);
    if (conversation === null || conversation === this.active) return conversation;
    if (this.active) this.active.newFrom = null;
    this.active = conversation;
    conversation.markRead();
    this.#changed();
    return conversation;
  }

  /** Tell whether a person can see the page; what comes while nobody can is unread. */
  setWatched(watched) {
    this.#watched = watched;
    if (watched) this.active?.markRead();
    this.#changed();
  }

  /** Leave a channel or close a conversation; what is next to it comes into sight. */
  leave(conversation) {
    const all = [...this.conversations.values()];
    const place = all.indexOf(conversation);
    this.conversations.delete(conversation.id);
    if (conversation.kind === "channel") {
      this.#connection.ask({ type: "leave", channel: conversation.name }).catch(() => {});
    }
    if (this.active === conversation) {
      this.active = all[place + 1] ?? all[place - 1] ?? null;
      this.active?.markRead();
    }
    this.#changed();
  }

  /** Say something. Returns what is wrong with it as a sentence, or null when it is on its way. */
  say(conversation, text) {
    const message = new Outgoing(this.#newKey(), wellFormed(text), this.#clock.now());
    const size = sizeOf({ ...conversation.sendCommand(message), id: Number.MAX_SAFE_INTEGER });
    const most = this.#connection.welcome?.max_message;
    if (size > most) return `This is too long: ${size} bytes, and the server accepts ${most}. Please split it.`;
    conversation.newFrom = null;
    conversation.outgoing.push(message);
    this.#flush(conversation);
    this.#changed();
    return null;
  }

  /** Send a failed message again. */
  retry(conversation, key) {
    conversation.find(key)?.revive();
    this.#flush(conversation);
    this.#changed();
  }

  /** Give a failed message up. */
  discard(conversation, key) {
    conversation.remove(conversation.find(key));
    this.#changed();
  }

  /** Load the page before the oldest message. */
  async loadOlder(channel) {
    if (!channel.hasOlder || channel.loadingOlder || channel.phase !== "joined") return;
    channel.loadingOlder = true;
    this.#changed();
    const question = { type: "history", channel: channel.name, before: channel.oldestSeq, limit: PAGE };
    try {
      channel.prepend(await this.#connection.ask(question), this.user);
    } catch (error) {
      channel.loadingOlder = false;
      if (!(error instanceof Lost)) this.#report(error.message);
    }
    this.#changed();
  }

  /** Ask which channels there are. */
  async loadSuggestions() {
    try {
      const { result } = await this.#connection.ask({ type: "request", method: "channels" });
      this.suggestions = result.channels.map(({ channel }) => channel);
      this.#changed();
    } catch {
      // Suggestions are a convenience; without them one types the name.
    }
  }

  /** The connection came or went. */
  onState(state) {
    for (const conversation of this.conversations.values()) {
      if (conversation.kind === "channel") conversation.phase = "joining";
      if (state.kind !== "online") continue;
      if (conversation.kind === "channel") this.#join(conversation);
      else this.#flush(conversation);
    }
    this.#changed();
  }

  /** Something came that answers no question. */
  onEvent(event) {
    const channel = this.conversations.get(`#${event.channel}`);
    if (event.type === "message") this.#onMessage(channel, event);
    else if (event.type === "presence") this.#onPresence(channel, event);
    else if (event.type === "joined") channel?.greet(event, this.user, this.#clock.now()); // its log is another one now
    else if (event.type === "direct") this.#onDirect(event, "");
    else if (event.type === "multicast") this.#onDirect(event, "to several people");
    else if (event.type === "broadcast") this.#onBroadcast(event);
    else if (event.type === "error") this.#report(event.message);
    this.#changed();
  }

  #onMessage(channel, event) {
    if (channel?.phase !== "joined") return; // what came too early or too late comes with the next `joined`
    const { entry, gap } = channel.take(event, this.user);
    if (gap) this.#join(channel);
    else if (entry) this.#arrived(channel, entry);
  }

  #onPresence(channel, change) {
    if (channel?.announce(change)) this.#loadRoster(channel);
  }

  #onDirect({ user, text, ts }, label) {
    const conversation = this.open({ kind: "direct", name: user });
    if (conversation) this.#arrived(conversation, conversation.hear(user, text, ts, user === this.user, label));
  }

  /** A word to everybody has no channel: it is shown where the person is looking. */
  #onBroadcast({ user, text, ts }) {
    const conversation = this.active ?? this.conversations.values().next().value;
    if (!conversation) return;
    const key = `broadcast ${this.#newKey()}`;
    const entry = { key, kind: "message", user, text, ts, own: user === this.user, label: "to everyone" };
    conversation.add(entry);
    this.#arrived(conversation, entry);
  }

  #arrived(conversation, entry) {
    const seen = this.#watched && conversation === this.active;
    if (!seen && !entry.own) conversation.countUnread(entry);
  }

  async #join(channel) {
    channel.phase = "joining";
    if (!this.#connection.online) return;
    try {
      const joined = await this.#connection.ask(channel.joinCommand(this.user, PAGE));
      if (this.conversations.get(channel.id) !== channel) return; // left meanwhile
      for (const entry of channel.greet(joined, this.user, this.#clock.now())) this.#arrived(channel, entry);
      this.#flush(channel);
    } catch (error) {
      this.#joinFailed(channel, error);
    }
    this.#changed();
  }

  #joinFailed(channel, error) {
    if (error instanceof Lost || !this.conversations.has(channel.id)) return; // the next connection joins again
    if (error.retry) {
      this.#clock.after(AGAIN_MS, () => this.conversations.has(channel.id) && this.#join(channel));
    } else {
      this.leave(channel);
      if (this.conversations.size === 0) this.exit(); // neither our name nor our channel was taken: choose again
    }
    this.#report(error.message);
  }

  async #loadRoster(channel) {
    try {
      channel.setRoster(await this.#connection.ask({ type: "presence", channel: channel.name }));
      this.#changed();
    } catch {
      // The next announcement asks again.
    }
  }

  /** Send whatever waits, in its order, if this conversation can be spoken in now. */
  #flush(conversation) {
    if (!this.#connection.online || conversation.phase === "joining") return;
    for (const message of conversation.outgoing) {
      if (message.phase !== "waiting") continue;
      if (!message.isStale(this.#clock.now())) this.#deliver(conversation, message);
      else if (message.echoed) conversation.remove(message);
      else message.markUnknown();
    }
  }

  async #deliver(conversation, message) {
    message.markSent(this.#clock.now());
    try {
      const ack = await this.#connection.ask(conversation.sendCommand(message));
      conversation.acknowledge(message, ack, this.user);
    } catch (error) {
      if (!(error instanceof Lost)) message.markFailed(error.message);
      else if (error.sent) conversation.loseTrack(message);
      else message.markWaiting();
    }
    this.#changed();
  }
}
