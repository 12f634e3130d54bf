/**
 * A program for tests to kill: a session that asks, is answered and stores its conversation without end,
 * with a line on stdout for everything that was acknowledged. Ends when its stdin does.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { newRun, runningRun } from '@millrace/store-conformance/material'
import { openSqliteStore } from '#store/sqlite/store'

const say = (message: object): void => {
  writeSync(1, `${JSON.stringify(message)}\n`)
}
process.stdin.on('end', () => process.exit(0)).resume()

const store = await openSqliteStore({ dataDir: process.argv[2] ?? '' })
const { id } = newRun()
await runningRun(store, { id, project: id, kind: 'session', exclusive: true })
say({ run: id })
await Promise.all([converse(), ask(), ask()])

async function converse(): Promise<void> {
  for (let n = 1; ; n += 1) {
    const json = JSON.stringify({ n, text: 'x'.repeat(n % 7 === 0 ? 90_000 : 300) })
    await store.appendTranscript(id, 1, [{ conversation: id, subpath: '', json }])
    say({ kept: n })
  }
}

async function ask(): Promise<void> {
  for (;;) {
    const approval = randomUUID()
    const event = { at: 1, type: 'permission:requested', json: JSON.stringify({ approvalId: approval }) }
    await store.requestApproval(id, 1, { id: approval, expiresAt: 9, event })
    say({ asked: approval })
    await store.answerApproval(id, approval, { decision: 'allow', by: 'person', user: 'ada', at: 2 })
    say({ answered: approval })
  }
}
