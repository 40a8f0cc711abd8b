/**
 * How long to wait before the next attempt to connect: full jitter between 0.5 s and a ceiling that doubles up to 20 s.
 *
 * Pure: the caller brings the random number. Without jitter, all clients of a server that died would come back in the
 * same instant and kill it again.
 *
 * Read next: connection.js.
 */

export const FLOOR_MS = 500;
export const CEILING_MS = 20_000;

/**
 * Milliseconds before attempt number `attempt` (0 is the first after a loss); `random` is in [0, 1).
 */
export function backoffMs(attempt, random) {
  const ceiling = Math.min(CEILING_MS, FLOOR_MS * 2 ** (attempt + 1));
  return FLOOR_MS + random * (ceiling - FLOOR_MS);
}
