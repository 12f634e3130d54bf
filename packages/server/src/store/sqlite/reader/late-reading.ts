/**
 * All reads of a store: answered by the writer's thread at first, and by a thread of their own from the moment that they
 * could hold up a commit, or a commit them, and that it has started. A thread takes 12 MB, and a server that nobody uses needs one less.
 *
 * Owns the reader thread once it runs.
 */
import { MillraceError } from '@millrace/protocol'
import type { Backend, ReadName } from '#store/batched/backend'
import type { Writing } from '#store/sqlite/writer/writing'
import { type Reading, startReading } from './reading.ts'

/** Those that may take long. */
const long = new Set<ReadName>(['page', 'list', 'transcript'])
/** So many short ones in one second are a server at work. */
const fewASecond = 20

export function startReadingLate(
  path: string,
  writing: Pick<Writing, 'read' | 'isBusy'>,
): Pick<Backend, 'read' | 'failed' | 'close'> {
  const failed = Promise.withResolvers<string>()
  let reading: Reading | null = null
  let closing = false
  let second = 0
  let reads = 0

  function areMany(): boolean {
    const now = Math.floor(performance.now() / 1000)
    reads = now === second ? reads + 1 : 1
    second = now
    return reads > fewASecond
  }

  function start(): Reading {
    const started = startReading(path)
    started.failed.then((reason) => {
      if (started.isOpen()) failed.resolve(reason)
      // It could not open the files. The writer answers on, and notices what has become of them.
      else if (reading === started) reading = null
    })
    return started
  }

  return {
    failed: failed.promise,
    read(name, ask) {
      if (closing) return Promise.reject(new MillraceError('draining', 'The store is closed'))
      if (reading === null && (long.has(name) || writing.isBusy() || areMany())) reading = start()
      // A thread takes as long to start as many reads take: those that come meanwhile do not wait for it.
      return (reading?.isOpen() ? reading : writing).read(name, ask)
    },
    async close() {
      closing = true
      await reading?.close()
    },
  }
}
