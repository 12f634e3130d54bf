import { setTimeout as sleep } from 'node:timers/promises'

type Falsy = null | undefined | false | 0 | ''

/**
 * Asks again until the answer is truthy, and returns it. Only the test's own limit, or `signal`, ends the wait: on a
 * busy machine no other limit is right.
 */
export async function until<T>(ask: () => T | Promise<T>, signal?: AbortSignal): Promise<Exclude<T, Falsy>> {
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 1.2 + 1, 50)) {
    const answer = await ask()
    if (answer) return answer as Exclude<T, Falsy>
    await sleep(pauseMs, undefined, { signal })
  }
}
