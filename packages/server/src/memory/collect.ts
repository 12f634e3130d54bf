/**
 * Collects garbage where much of it was just made and V8 would leave it for long: it waits until as much as is alive
 * has come on top, and never gives back the room of short-lived objects that a busy moment has taken.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface How {
  type: 'major'
  execution: 'sync'
  /** `last-resort` also gives back the pages that are kept for later. */
  flavor: 'regular' | 'last-resort'
}

let collector: ((how: How) => void) | undefined

/** Takes some 30 ms: not for a hot path. `thoroughly`: for a server that rests. */
export function collectGarbage(thoroughly = false): void {
  collector ??= findCollector()
  collector({ type: 'major', execution: 'sync', flavor: thoroughly ? 'last-resort' : 'regular' })
}

/** Node has no call for it; V8 offers one to every context that is made while this flag is set. */
function findCollector(): (how: How) => void {
  setFlagsFromString('--expose-gc')
  const found = runInNewContext('gc') as (how: How) => void
  setFlagsFromString('--no-expose-gc')
  return found
}
