/**
 * What the browser remembers for us: the name for good, and for this tab where we are, so that a reload is no farewell.
 *
 * A browser may refuse to remember anything (private windows, settings); then we simply start afresh.
 *
 * Read next: main.js.
 */

const NAME = "wsserver.name";
const SESSION = "wsserver.session";

export function rememberName(name) {
  attempt(() => localStorage.setItem(NAME, name));
}

export function recallName() {
  return attempt(() => localStorage.getItem(NAME)) ?? "";
}

let kept = null;

/** Keep `{ user, channels }` until the tab is closed; null forgets it. Called often: it writes only what is new. */
export function rememberSession(session) {
  const text = JSON.stringify(session);
  if (text === kept) return;
  kept = text;
  attempt(() => sessionStorage.setItem(SESSION, text));
}

/** What was kept in this tab, or null. */
export function recallSession() {
  const session = attempt(() => JSON.parse(sessionStorage.getItem(SESSION)));
  return typeof session?.user === "string" && Array.isArray(session.channels) ? session : null;
}

function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}
