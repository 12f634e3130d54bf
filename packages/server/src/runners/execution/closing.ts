/** Closes the log of an execution whose runner is gone: after a crash, nobody else knows what was open. */
import type { EmittedEvent, PastEvent } from '#runners/runner'
import { OpenEnds } from './open-ends.ts'

/** Returns the events that the log still needs before the terminal one. */
export async function closing(log: AsyncIterable<PastEvent>, at: number): Promise<EmittedEvent[]> {
  const open = new OpenEnds()
  for await (const event of log) open.take(event)
  return open.closing(at, 'incomplete')
}
