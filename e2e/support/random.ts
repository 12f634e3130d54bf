/** Random numbers that can be had again: the same seed gives the same ones. */

export interface SeededRandom {
  seed: number
  /** A whole number, both ends included. */
  between: (low: number, high: number) => number
}

/** The seed is `MILLRACE_TEST_SEED`, or a new one. */
export function seededRandom(): SeededRandom {
  const seed = Number(process.env.MILLRACE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  // mulberry32
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { seed, between: (low, high) => low + Math.floor(next() * (high - low + 1)) }
}
