/**
 * Where the page is, as the part of its address behind the #: `#lobby` is a channel, `#@ada` a conversation with ada.
 *
 * Pure. In names `@` is written %40, so the two cannot be confused: a channel called "@ada" is `#%40ada`.
 *
 * Read next: main.js, which follows the address.
 */

/** The address of a conversation, with its #. */
export function addressOf({ kind, name }) {
  return `#${kind === "direct" ? "@" : ""}${encodeURIComponent(name)}`;
}

/** { kind, name } of an address, or null when it names nothing. */
export function readAddress(hash) {
  const direct = hash.startsWith("#@");
  const name = decode(hash.slice(direct ? 2 : 1));
  return name ? { kind: direct ? "direct" : "channel", name } : null;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
