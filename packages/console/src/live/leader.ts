/**
 * One tab of a browser leads: it holds the one stream for lists, and tells the others what arrives.
 *
 * The lock is the browser's: it passes to another tab when the leader's is closed, or crashes.
 */

/**
 * Calls `lead` while this tab leads; its signal aborts when `signal` does. Without locks (a page that is not of a secure
 * context) every tab leads.
 */
export function electLeader(
  name: string,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): void {
  const locks = globalThis.navigator?.locks
  if (locks === undefined) {
    void lead(signal)
    return
  }
  locks
    .request(name, { signal }, () => lead(signal))
    // Aborted while it waited: another tab led all the time.
    .catch(() => {})
}
