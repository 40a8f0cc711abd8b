/**
 * The words of `wsserver.v1.json` that the page needs: addresses, names, close codes, encoding (docs/protocol.md).
 *
 * Pure: no socket, no document, no clock. What the messages mean is decided elsewhere.
 *
 * Read next: connection.js, which carries the messages; chat.js, which understands them.
 */

export const SUBPROTOCOL = "wsserver.v1.json";

/** The server forgets a key after five minutes; a message sent again later than that could appear twice. */
export const KEY_LIFE_MS = 5 * 60 * 1000;

/** How many messages one question for history asks for. */
export const PAGE = 50;

const NAME_BYTES = 255;

/** The address of the chat beside the page: ws for http, wss for https. */
export function chatUrl(pageUrl) {
  const url = new URL("chat", pageUrl);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  return url.href;
}

/** What is wrong with the name of a channel or a user, as the end of a sentence; null when it is good. */
export function nameFault(name) {
  const size = new TextEncoder().encode(name).length;
  if (size === 0) return "must not be empty";
  if (size > NAME_BYTES) return `must have at most ${NAME_BYTES} bytes, and this one has ${size}`;
  if (/[\x00-\x1f\x7f-\x9f]/.test(name)) return "must not contain control characters";
  if (name.includes("*")) return "must not contain the character *";
  if (name !== name.trim()) return "must not begin or end with a space";
  return null;
}

/** A text without half characters (lone surrogates), which no server takes. */
export function wellFormed(text) {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** How many bytes a command takes on the wire. */
export function sizeOf(command) {
  return new TextEncoder().encode(JSON.stringify(command)).length;
}

/** The event in one text frame, or null when it is none. */
export function decodeEvent(data) {
  try {
    const event = JSON.parse(data);
    return event !== null && typeof event.type === "string" ? event : null;
  } catch {
    return null;
  }
}

/** Whether a client should come back by itself after this close code. */
export function mayReconnect(code) {
  return code < 4500 || code > 4999;
}

const CLOSE_SENTENCES = new Map([
  [1008, "The server did not accept what this page sent."],
  [1009, "A message was too big for the server."],
  [1011, "The server ran into a problem."],
  [1012, "The server is restarting."],
  [1013, "The server is busy."],
  [4008, "This connection was too slow to keep up."],
  [4029, "Too many messages were sent too fast."],
  [4040, "The server did not answer any more."],
  [4501, "The server wants you to sign in, and this page cannot."],
  [4503, "You were removed from this server."],
]);

/** Why there is no connection, as a sentence; `was`: there had been one. */
export function closeSentence(code, was) {
  const sentence = CLOSE_SENTENCES.get(code);
  if (sentence) return sentence;
  if (!mayReconnect(code)) return "The server ended the conversation.";
  return was ? "The connection was lost." : "The server cannot be reached.";
}

/** A line for a terminal that joins `channel` beside this page, with the tool that comes with websocket-client. */
export function joinLine(pageUrl, channel) {
  const command = JSON.stringify({ type: "join", channel, user: "terminal" });
  return `wsdump ${chatUrl(pageUrl)} -t '${command.replaceAll("'", "'\\''")}'`;
}
