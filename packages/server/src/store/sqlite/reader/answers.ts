/** Answers reads from a connection: in the thread that is for reading, and in the writer's while there are few. */
import type { DatabaseSync } from 'node:sqlite'
import type { ReadName, Reads } from '#store/batched/backend'
import { messageOf } from '#store/sqlite/database'
import type { AskedRead, FromReading } from '#store/sqlite/messages'
import { createCredentialReader } from './credential-reader.ts'
import { createExpendableReader } from './expendable-reader.ts'
import { createLogReader } from './log-reader.ts'
import { createRunReader } from './run-reader.ts'
import { createSessionReader } from './session-reader.ts'

type Answers = { [Name in ReadName]: (ask: Reads[Name]['ask']) => Reads[Name]['answer'] }

export function createAnswerer(db: DatabaseSync): (read: AskedRead) => FromReading {
  const answers = answersFrom(db)
  return ({ id, name, ask }) => {
    try {
      const read = answers[name] as (ask: unknown) => unknown
      return { kind: 'answer', id, answer: read(ask) }
    } catch (error) {
      return { kind: 'error', id, message: messageOf(error) }
    }
  }
}

function answersFrom(db: DatabaseSync): Answers {
  const logs = createLogReader(db)
  const runs = createRunReader(db)
  const sessions = createSessionReader(db)
  const credentials = createCredentialReader(db)
  return {
    run: ({ id }) => runs.run(id),
    list: (query) => runs.list(query),
    active: () => runs.active(),
    silent: ({ before }) => runs.silent(before),
    counts: ({ kind }) => runs.counts(kind),
    expendable: createExpendableReader(db),
    ownerBytes: ({ owner }) => runs.ownerBytes(owner),
    largestOwners: ({ limit }) => runs.largestOwners(limit),
    bounds: ({ id }) => logs.bounds(id),
    page: ({ id, ...request }) => logs.page(id, request),
    approvals: ({ run }) => sessions.openApprovals(run),
    approval: ({ run, id }) => sessions.approval(run, id),
    approvalOfCall: ({ run, call }) => sessions.approvalOfCall(run, call),
    waitingApprovals: (ask) => sessions.waitingApprovals(ask),
    messages: ({ run }) => sessions.messages(run),
    message: ({ run, id }) => sessions.message(run, id),
    transcript: ({ run }) => sessions.transcript(run),
    credential: ({ hash }) => credentials.find(hash),
    liveCredential: ({ hash, at }) => credentials.findLive(hash, at),
    credentials: ({ kind }) => credentials.list(kind),
    deadCredentials: ({ ids, at }) => credentials.dead(ids, at),
  }
}
