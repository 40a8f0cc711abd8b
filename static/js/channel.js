/**
 * One channel as this page knows it: numbered messages without gap or repeat, and who is there.
 *
 * Pure: it is told what the server said, and says what should be asked next.
 *
 *     joining --joined--> joined --connection lost, gap--> joining
 *
 * Read next: chat.js, which asks the server for what is missing here.
 */

import { Conversation } from "./conversation.js";

const MUCH_MISSED = "Much was said while you were away. This is the newest; load earlier messages to read the rest.";
const NEW_EPOCH = "The server has lost this channel’s earlier messages and starts anew here.";

export class Channel extends Conversation {
  /** "joining" or "joined": only a joined channel can be spoken in. */
  phase = "joining";
  epoch = null;
  /** The newest message that is here; what comes next has one more. */
  seq = 0;
  members = new Set();
  count = 0;
  /** Whether the server has messages before the first one here. */
  hasOlder = false;
  loadingOlder = false;

  #named = 0;
  #crowded = false;

  constructor(id, name) {
    super(id, "channel", name);
  }

  /** What to ask for: the newest page the first time, what was missed later. */
  joinCommand(user, history) {
    const command = { type: "join", channel: this.name, user, history };
    return this.epoch === null ? command : { ...command, since: this.seq, epoch: this.epoch };
  }

  sendCommand({ text, key }) {
    return { type: "message", channel: this.name, text, key };
  }

  /** We are in; return the entries that are news to somebody who was here before. */
  greet(joined, user, now) {
    this.phase = "joined";
    this.setRoster(joined);
    if (joined.recovered !== true) this.#startOver(joined, now);
    const entries = joined.messages.map((message) => this.#append(message, user)).filter(Boolean);
    return joined.recovered === true ? entries : [];
  }

  /**
   * A message came. Returns { entry } when it is the next one, { gap: true } when others are missing before it, and {}
   * when it is here already.
   */
  take(message, user) {
    if (message.seq > this.seq + 1) return { gap: true };
    const entry = this.#append(message, user);
    return entry ? { entry } : {};
  }

  /** The server has it; when it has not come back to us yet, it stays in sight until it does. */
  acknowledge(message, ack) {
    if (ack.seq > this.seq) message.seq = ack.seq;
    else this.remove(message);
  }

  /** The answer did not come: the key makes it safe to send it again. */
  loseTrack(message) {
    message.markWaiting();
  }

  /** Put a page of older messages in front. One of another epoch has nothing to do with what is here. */
  prepend(page, user) {
    this.loadingOlder = false;
    if (page.epoch !== undefined && page.epoch !== this.epoch) return;
    const first = this.oldestSeq;
    const older = page.messages.filter((message) => message.seq < first);
    this.entries.unshift(...older.map((message) => this.#entry(message, user)));
    this.keep += older.length;
    this.hasOlder = Boolean(page.more);
  }

  get oldestSeq() {
    return this.entries.find((entry) => entry.seq !== undefined)?.seq ?? this.seq + 1;
  }

  /** Somebody came or went. Returns true when the names here can no longer be right and should be asked for. */
  announce(change) {
    for (const user of change.joined ?? []) this.members.add(user);
    for (const user of change.left ?? []) this.members.delete(user);
    this.count = change.count;
    const missing = this.members.size < this.count;
    return this.members.size > this.count || (missing && (!this.#crowded || this.count <= this.#named));
  }

  /** The answer to `presence`, and a part of `joined`. */
  setRoster({ users, count }) {
    this.members = new Set(users);
    this.count = count;
    this.#named = users.length;
    this.#crowded = count > users.length;
  }

  #startOver(joined, now) {
    const lost = joined.recovered === false;
    const sameEpoch = joined.epoch === this.epoch;
    const first = joined.messages[0]?.seq;
    this.entries = [];
    this.newFrom = null;
    this.epoch = joined.epoch;
    this.seq = first === undefined ? joined.seq : first - 1;
    this.hasOlder = first > 1;
    if (lost) this.notice(sameEpoch ? MUCH_MISSED : NEW_EPOCH, now);
  }

  #append(message, user) {
    if (message.seq <= this.seq) return null;
    this.seq = message.seq;
    if (message.user === user) this.#pairWithOutgoing(message);
    const entry = this.#entry(message, user);
    if (this.add(entry) > 0) this.hasOlder = true;
    return entry;
  }

  #entry({ seq, user: author, text, ts }, user) {
    return { key: `${this.epoch} ${seq}`, kind: "message", seq, user: author, text, ts, own: author === user };
  }

  /** Our own message came back. Its acknowledgement follows; until then only its text tells which one it was. */
  #pairWithOutgoing({ seq, text }) {
    const known = this.outgoing.find((message) => message.seq === seq);
    if (known) {
      this.remove(known);
      return;
    }
    const likely = this.outgoing.find((message) => message.hasLeft && message.visible && message.text === text);
    if (likely && likely.phase !== "failed") likely.echoed = true;
  }
}
