/** Time as the command runner needs it, so that a test can be its master. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `action` once after `ms`, unless the returned function was called before. */
  after(ms: number, action: () => void): () => void
}

/** setTimeout holds 31 bits; a longer wait would fire at once. */
const longestWait = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, action) {
    let timer: NodeJS.Timeout
    const wait = (left: number) => {
      const step = Math.min(left, longestWait)
      timer = setTimeout(() => (left > step ? wait(left - step) : action()), step)
    }
    wait(ms)
    return () => clearTimeout(timer)
  },
}
