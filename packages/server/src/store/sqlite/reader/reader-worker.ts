/** The thread that owns the read-only connection. It answers reads one by one, in order. */
import type { DatabaseSync } from 'node:sqlite'
import { parentPort } from 'node:worker_threads'
import type { ReadName, Reads } from '#store/batched/backend'
import { messageOf, openForReading } from '#store/sqlite/database'
import type { AskedRead, FromReader, ToReader } from '#store/sqlite/messages'
import { createCredentialReader } from './credential-reader.ts'
import { createExpendableReader } from './expendable-reader.ts'
import { createLogReader } from './log-reader.ts'
import { createRunReader } from './run-reader.ts'
import { createSessionReader } from './session-reader.ts'

type Answers = { [Name in ReadName]: (ask: Reads[Name]['ask']) => Reads[Name]['answer'] }

if (parentPort === null) throw new Error('reader-worker runs as a worker thread')
const port = parentPort
const send = (message: FromReader): void => port.postMessage(message)
let db: DatabaseSync | undefined
let answers: Answers | undefined

port.on('message', (message: ToReader) => {
  if (message.kind === 'open') {
    db = openForReading(message.path)
    answers = answersFrom(db)
  } else if (message.kind === 'reads') {
    for (const read of message.reads) answer(read)
  } else {
    port.close()
    db?.close()
  }
})

function answer({ id, name, ask }: AskedRead): void {
  try {
    const read = answers?.[name] as ((ask: unknown) => unknown) | undefined
    send({ kind: 'answer', id, answer: read?.(ask) })
  } catch (error) {
    send({ kind: 'error', id, message: messageOf(error) })
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
    messages: ({ run }) => sessions.messages(run),
    message: ({ run, id }) => sessions.message(run, id),
    transcript: ({ run }) => sessions.transcript(run),
    credential: ({ hash }) => credentials.find(hash),
    liveCredential: ({ hash, at }) => credentials.findLive(hash, at),
    credentials: ({ kind }) => credentials.list(kind),
    deadCredentials: ({ ids, at }) => credentials.dead(ids, at),
  }
}
