import { processesWith } from '@millrace/test-support/processes'
import { expect } from 'vitest'

/**
 * Resolves when others have taken a run over whose node is cut off now, with the milliseconds from now on until its processes, which
 * have this mark, had ended, and until it was taken over. Fails if any of them outlives that.
 */
export async function takenOver(
  mark: string,
  stateOf: () => Promise<string>,
): Promise<{ deadMs: number; takenMs: number }> {
  const cutAt = performance.now()
  const dead = async () => {
    await expect.poll(() => processesWith(mark), { interval: 20 }).toEqual([])
    return Math.round(performance.now() - cutAt)
  }
  const taken = async () => {
    await expect.poll(stateOf, { interval: 20 }).toBe('interrupted')
    // An order of events, which holds on a busy machine: whoever outlived the takeover is still there.
    expect(processesWith(mark)).toEqual([])
    return Math.round(performance.now() - cutAt)
  }
  const [deadMs, takenMs] = await Promise.all([dead(), taken()])
  return { deadMs, takenMs }
}
