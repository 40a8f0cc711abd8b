// /echo and /chat with ws, on Node, without compression.
//
//   node ws_server.mjs PORT
import { WebSocketServer } from "ws";

const channels = new Map(); // name -> { seq, members }
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  backlog: 2048,
});

function onChat(client, data) {
  const command = JSON.parse(data);
  const name = command.channel;
  if (command.type === "join") {
    if (!channels.has(name)) channels.set(name, { seq: 0, members: new Set() });
    const channel = channels.get(name);
    channel.members.add(client);
    client.user = command.user;
    client.channel = name;
    client.send(JSON.stringify({ type: "joined", channel: name, seq: channel.seq }));
    return;
  }
  const channel = channels.get(name);
  channel.seq += 1;
  const event = { type: "message", channel: name, seq: channel.seq, user: client.user, text: command.text, ts: Date.now() };
  const payload = Buffer.from(JSON.stringify(event)); // once for all members
  for (const member of channel.members) member.send(payload, { binary: false });
}

function onGone(client) {
  const channel = channels.get(client.channel);
  if (!channel) return;
  channel.members.delete(client);
  if (!channel.members.size) channels.delete(client.channel);
}

server.on("connection", (client, request) => {
  client.on("error", () => {});
  if (request.url === "/echo") {
    client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
    return;
  }
  client.on("message", (data) => onChat(client, data));
  client.on("close", () => onGone(client));
});
server.on("listening", () => console.log("ready"));
