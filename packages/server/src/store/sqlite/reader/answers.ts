/** Answers reads from a connection: in the thread that is for reading, and in the writer's while there are few. */
import type { DatabaseSync } from 'node:sqlite'
import { answersFrom } from '#store/batched/answers'
import { messageOf } from '#store/sqlite/database'
import type { AskedRead, FromReading } from '#store/sqlite/messages'
import { createCredentialReader } from './credential-reader.ts'
import { createExpendableReader } from './expendable-reader.ts'
import { createLogReader } from './log-reader.ts'
import { createRunReader } from './run-reader.ts'
import { createSessionReader } from './session-reader.ts'

export function createAnswerer(db: DatabaseSync): (read: AskedRead) => FromReading {
  const logs = createLogReader(db)
  const answers = answersFrom({
    runs: createRunReader(db),
    sessions: createSessionReader(db),
    credentials: createCredentialReader(db),
    expendable: createExpendableReader(db),
    bounds: (id) => logs.bounds(id),
    page: ({ id, ...request }) => logs.page(id, request),
  })
  return ({ id, name, ask }) => {
    try {
      const read = answers[name] as (ask: unknown) => unknown
      return { kind: 'answer', id, answer: read(ask) }
    } catch (error) {
      return { kind: 'error', id, message: messageOf(error) }
    }
  }
}
