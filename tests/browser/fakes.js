// A world for the page's modules without sockets or time: sockets that remember, a clock that is told to jump.
// Code of a test runs after this, inside an async function, in a page of the server; what it returns goes to Python.
const from = (name) => import(`/js/${name}.js`);
const { Connection } = await from("connection");
const { Chat } = await from("chat");

class FakeClock {
  time = 1_700_000_000_000;
  timers = new Set();
  now = () => this.time;
  after = (ms, call) => {
    const timer = { at: this.time + ms, call };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  // Let time pass: every timer that falls due is called at its time.
  async advance(ms) {
    const until = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.timers.delete(due);
      this.time = Math.max(this.time, due.at);
      due.call();
      await settle();
    }
    this.time = until;
  }
}

class FakeSocket {
  sent = [];
  closedWith = null;

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.closedWith = code;
  }

  // The server says something.
  async hear(event) {
    this.onmessage?.({ data: JSON.stringify(event) });
    await settle();
  }

  // The server answers the last question of a type.
  answer(type, fields) {
    return this.hear({ id: this.last(type).id, ...fields });
  }

  last(type) {
    return this.sent.findLast((command) => command.type === type);
  }

  async lose(code = 1006) {
    this.onclose?.({ code });
    await settle();
  }
}

// Let everything happen that waits for nothing but its turn.
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

const WELCOME = { type: "welcome", client: "c", user: null, server: "fake", heartbeat: 25, max_message: 65536 };

function joined(fields) {
  const empty = { seq: 0, users: ["Ann"], count: 1, messages: [] };
  return { type: "joined", channel: "lobby", cid: 1, epoch: "E", ...empty, ...fields };
}

function message(seq, text, user = "Bob") {
  return { type: "message", channel: "lobby", seq, user, text, ts: 1_700_000_000_000 };
}

class World {
  clock = new FakeClock();
  sockets = [];
  reports = [];
  keys = 0;
  luck = 0;
  connection = new Connection({
    openSocket: () => this.sockets[this.sockets.push(new FakeSocket()) - 1],
    clock: this.clock,
    random: () => this.luck,
    listener: { onState: (state) => this.chat.onState(state), onEvent: (event) => this.chat.onEvent(event) },
  });
  chat = new Chat({
    connection: this.connection,
    clock: this.clock,
    newKey: () => `key-${++this.keys}`,
    changed: () => {},
    report: (sentence) => this.reports.push(sentence),
  });

  get socket() {
    return this.sockets.at(-1);
  }

  get lobby() {
    return this.chat.conversations.get("#lobby");
  }

  get texts() {
    return this.lobby.entries.map(({ text }) => text);
  }

  // Ann is in the lobby, where this has been said so far.
  static async inLobby(...messages) {
    const world = new World();
    world.chat.enter("Ann");
    world.chat.show({ kind: "channel", name: "lobby" });
    await world.socket.hear(WELCOME);
    await world.socket.answer("join", joined({ seq: messages.at(-1)?.seq ?? 0, messages }));
    return world;
  }

  // The connection is lost and there is a new one; the question to join waits for its answer.
  async reconnect() {
    await this.socket.lose();
    await this.clock.advance(20_000);
    await this.socket.hear(WELCOME);
  }
}
