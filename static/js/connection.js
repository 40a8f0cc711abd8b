/**
 * One connection to the chat that comes back when it is lost, and pairs questions with their answers.
 *
 * It knows neither the document nor what the messages mean. Sockets, clock and chance are handed in, so that it can be
 * tested without any of them.
 *
 *     idle --start--> connecting --welcome--> online --lost--> waiting --delay--> connecting
 *                         |                                       ^
 *                         +----------------failed-----------------+     stopped: only a person starts it again
 *
 * Read next: backoff.js; chat.js, which uses it.
 */

import { backoffMs } from "./backoff.js";
import { closeSentence, decodeEvent, mayReconnect } from "./protocol.js";

/** A connection that has not said welcome by then never will. */
const WELCOME_WITHIN_MS = 15_000;

/** A server that does not answer a ping within this time is gone, whatever the network says. */
const PONG_WITHIN_MS = 10_000;

/** A connection that lasted so long was a success: the next loss starts counting anew. */
const STABLE_MS = 5_000;

/** Bounds for what `welcome.heartbeat` may ask for, in seconds. */
const HEARTBEAT_S = { least: 1, most: 300, usual: 25 };

/** Our own close code for a server that fell silent (docs/protocol.md, close codes). */
const HEARTBEAT_MISSED = 4040;

/** The server answered with `error`. `retry`: the same may succeed later. */
export class Refusal extends Error {
  constructor({ code, message, retry }) {
    super(message);
    this.code = code;
    this.retry = Boolean(retry);
  }
}

/** The connection ended before the answer came; `sent` tells whether the question had left. */
export class Lost extends Error {
  constructor(sent) {
    super("The connection was lost before the server answered.");
    this.sent = sent;
  }
}

export class Connection {
  /** What `welcome` said; null before the first one. */
  welcome = null;
  /** `{ kind, retryAt, sentence }`; `retryAt` in milliseconds of the clock while kind is "waiting". */
  state = { kind: "idle" };

  #openSocket;
  #clock;
  #random;
  #listener;
  #socket = null;
  #timer = null;
  #watch = null;
  #attempt = 0;
  #onlineSince = 0;
  #lastHeard = 0;
  #goaway = null;
  #questions = new Map();
  #lastId = 0;

  /**
   * @param {object} parts
   * @param {() => WebSocket} parts.openSocket
   * @param {{now: () => number, after: (ms: number, call: () => void) => () => void}} parts.clock  `after` returns its
   *   own cancel
   * @param {() => number} parts.random  in [0, 1)
   * @param {{onState: (state) => void, onEvent: (event) => void}} parts.listener  `onEvent`: what is no answer
   */
  constructor({ openSocket, clock, random, listener }) {
    this.#openSocket = openSocket;
    this.#clock = clock;
    this.#random = random;
    this.#listener = listener;
  }

  get online() {
    return this.state.kind === "online";
  }

  /** Connect, now; also cuts a waiting time short. Does nothing while there is a connection. */
  start() {
    if (this.#socket) return;
    this.#clearTimers();
    this.#set({ kind: "connecting" });
    const socket = this.#openSocket();
    this.#socket = socket;
    socket.onmessage = (message) => this.#hear(message.data);
    socket.onclose = (close) => this.#lose(close.code);
    this.#timer = this.#clock.after(WELCOME_WITHIN_MS, () => this.#abandon());
  }

  /** Close for good; the server announces at once that we left. */
  stop() {
    this.#detach()?.close(1000);
    this.#failQuestions();
    this.#attempt = 0;
    this.#goaway = null;
    this.#set({ kind: "idle" });
  }

  /** Look whether the server is still there, now: after sleep or a change of network. */
  check() {
    if (this.state.kind === "waiting") this.start();
    else if (this.online) this.#ping();
  }

  /** Send a command and return a promise of its answer; it fails with Refusal or Lost. */
  ask(command) {
    if (!this.online) return Promise.reject(new Lost(false));
    const id = ++this.#lastId;
    this.#socket.send(JSON.stringify({ ...command, id }));
    return new Promise((resolve, reject) => this.#questions.set(id, { resolve, reject }));
  }

  #hear(data) {
    this.#lastHeard = this.#clock.now();
    const event = decodeEvent(data);
    if (event === null) return;
    const question = this.#questions.get(event.id);
    if (question) {
      this.#questions.delete(event.id);
      if (event.type === "error") question.reject(new Refusal(event));
      else question.resolve(event);
    } else if (event.type === "welcome") {
      this.#begin(event);
    } else if (event.type === "goaway") {
      this.#goaway = { at: this.#clock.now(), delayMs: Math.max(0, Number(event.reconnect_in) || 0) * 1000 };
    } else {
      this.#listener.onEvent(event);
    }
  }

  #begin(welcome) {
    this.#timer?.();
    this.welcome = welcome;
    this.#onlineSince = this.#clock.now();
    this.#watchSilence();
    this.#set({ kind: "online" });
  }

  /** Browsers neither show the server's pings nor send any: after a silent heartbeat we ask for a sign of life. */
  #watchSilence() {
    const heartbeatMs = this.#heartbeatMs();
    const silentMs = this.#clock.now() - this.#lastHeard;
    if (silentMs >= heartbeatMs) this.#ping();
    else this.#watch = this.#clock.after(heartbeatMs - silentMs, () => this.#watchSilence());
  }

  #heartbeatMs() {
    const wanted = Number(this.welcome.heartbeat) || HEARTBEAT_S.usual;
    return Math.min(HEARTBEAT_S.most, Math.max(HEARTBEAT_S.least, wanted)) * 1000;
  }

  #ping() {
    this.#watch?.();
    const asked = this.#clock.now();
    this.ask({ type: "ping" }).catch(() => {});
    this.#watch = this.#clock.after(PONG_WITHIN_MS, () => {
      if (this.#lastHeard < asked) this.#abandon();
      else this.#watchSilence();
    });
  }

  /** Give up a connection that is dead without saying so. Its own close event may be minutes away. */
  #abandon() {
    this.#detach()?.close(HEARTBEAT_MISSED);
    this.#lose(HEARTBEAT_MISSED);
  }

  #lose(code) {
    if (this.online && this.#clock.now() - this.#onlineSince >= STABLE_MS) this.#attempt = 0;
    this.#detach();
    this.#failQuestions();
    const sentence = closeSentence(code, this.online);
    if (!mayReconnect(code)) {
      this.#set({ kind: "stopped", sentence });
      return;
    }
    const delayMs = this.#delayMs();
    this.#timer = this.#clock.after(delayMs, () => this.start());
    this.#set({ kind: "waiting", retryAt: this.#clock.now() + delayMs, sentence });
  }

  /** A draining server chose our time to come back; otherwise chance does. */
  #delayMs() {
    const delayMs = backoffMs(this.#attempt++, this.#random());
    const goaway = this.#goaway;
    this.#goaway = null;
    return goaway ? Math.max(delayMs, goaway.at + goaway.delayMs - this.#clock.now()) : delayMs;
  }

  #detach() {
    this.#clearTimers();
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.onmessage = socket.onclose = null;
    return socket;
  }

  #clearTimers() {
    this.#timer?.();
    this.#watch?.();
    this.#timer = this.#watch = null;
  }

  #failQuestions() {
    const questions = [...this.#questions.values()];
    this.#questions.clear();
    for (const question of questions) question.reject(new Lost(true));
  }

  #set(state) {
    this.state = state;
    this.#listener.onState(state);
  }
}
