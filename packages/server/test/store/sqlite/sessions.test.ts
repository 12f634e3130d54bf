import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  completed,
  entry,
  newApproval,
  newRun,
  readAll,
  runningRun,
} from '@millrace/store-conformance/material'
import { temporaryFolder } from '@millrace/test-support/folders'
import { expect, test } from 'vitest'
import { databasePath } from '#store/sqlite/database'
import { migrate, migrations } from '#store/sqlite/migrations'
import { backUp } from '#store/sqlite/upkeep/backup'
import { restore } from '#store/sqlite/upkeep/restore'
import type { Store } from '#store/store'
import { startProgram } from './support/program.ts'
import { openTemporary } from './support/temporary.ts'
import { expectWhole } from './support/whole.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

async function requestedAndResolved(store: Store, id: string) {
  const log = await readAll(store, id)
  const idsOf = (wanted: string) =>
    log.filter(({ type }) => type === wanted).map(({ json }): string => JSON.parse(json).approvalId)
  return { requested: idsOf('permission:requested'), resolved: idsOf('permission:resolved') }
}

test('after kill -9 questions, answers and the conversation are as they were acknowledged, and rows and log agree', {
  timeout: 300_000,
}, async () => {
  const dataDir = temporaryFolder()
  for (let round = 0; round < (full ? 10 : 2); round += 1) {
    const program = startProgram('session-child.ts', dataDir)
    const said = { run: '', kept: 0, asked: new Set<string>(), answered: new Set<string>() }
    let lines = 0
    for await (const text of program.lines) {
      const { run, kept, asked, answered } = JSON.parse(text)
      said.run = run ?? said.run
      said.kept = kept ?? said.kept
      if (asked !== undefined) said.asked.add(asked)
      if (answered !== undefined) said.answered.add(answered)
      lines += 1
      if (lines === 90 + 31 * round) program.child.kill('SIGKILL')
    }
    expect(await program.ended).toBe('SIGKILL')
    expectWhole(databasePath(dataDir))
    const store = await openTemporary({ dataDir })
    const entries = await store.readTranscript(said.run)
    expect(entries.length).toBeGreaterThanOrEqual(said.kept)
    expect(entries.map(({ json }) => JSON.parse(json).n)).toEqual(entries.map((_, index) => index + 1))
    const before = await requestedAndResolved(store, said.run)
    expect(new Set(before.requested).isSupersetOf(said.asked)).toBe(true)
    expect(new Set(before.resolved).isSupersetOf(said.answered)).toBe(true)
    const open = before.requested.filter((id) => !before.resolved.includes(id))
    expect((await store.openApprovals(said.run)).map(({ id }) => id)).toEqual(open)
    await store.finish(said.run, 1, completed())
    const after = await requestedAndResolved(store, said.run)
    expect(after.resolved.toSorted()).toEqual(after.requested.toSorted())
    // The stored conversation can be resumed.
    const next = await store.createRun(newRun({ kind: 'session', project: 'next', resumes: said.run }))
    expect(await store.readTranscript(next.run.id)).toEqual(entries)
    await store.finish(next.run.id, 0, completed())
    await store.close()
  }
})

test('a backup has open questions, answers and conversations, and a restore returns them', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  const [open, answered] = [newApproval(), newApproval()]
  for (const approval of [open, answered]) await store.requestApproval(id, 1, approval)
  await store.answerApproval(id, answered.id, { decision: 'allow', by: 'person', user: 'ada', at: 1 })
  await store.appendTranscript(id, 1, [entry('kept'), entry('of a subagent', 'agents/a')])
  const file = join(temporaryFolder(), 'copy.db')
  backUp(dataDir, file)
  const state = async (of: Store) => ({
    log: await readAll(of, id),
    transcript: await of.readTranscript(id),
    open: await of.openApprovals(id),
    answered: await of.getApproval(id, answered.id),
  })
  const before = await state(store)
  await store.appendTranscript(id, 1, [entry('since')])
  await store.finish(id, 1, completed())
  await store.close()
  restore(dataDir, file, Date.parse('2026-03-04T05:06:07.089Z'))
  const restored = await openTemporary({ dataDir })
  expect(await state(restored)).toEqual(before)
  await restored.finish(id, 1, completed())
  const { requested, resolved } = await requestedAndResolved(restored, id)
  expect(resolved.toSorted()).toEqual(requested.toSorted())
})

test('a database older than sessions gets their tables, and its runs continue', async () => {
  const dataDir = temporaryFolder()
  const db = new DatabaseSync(databasePath(dataDir))
  migrate(db, migrations.slice(0, 3))
  db.exec(`INSERT INTO runs (n, id, kind, owner, state, attempt, created_at)
      VALUES (1, '6a8f2f0e-0000-4000-8000-000000000001', 'job', 'ada', 'running', 1, 1);
    INSERT INTO details (run, spec) VALUES (1, '{}')`)
  db.close()
  const store = await openTemporary({ dataDir })
  const id = '6a8f2f0e-0000-4000-8000-000000000001'
  await store.requestApproval(id, 1, newApproval())
  await store.appendTranscript(id, 1, [entry('first')])
  expect(await store.finish(id, 1, completed())).toMatchObject({ head: 3 })
  expect(await store.readTranscript(id)).toEqual([entry('first')])
})

test('a deleted run leaves nothing of its conversation or questions on the disk', async () => {
  const dataDir = temporaryFolder()
  const store = await openTemporary({ dataDir })
  const id = await runningRun(store)
  const asked = { at: 1, type: 'permission:requested', json: '{"input":"mandrake"}' }
  await store.requestApproval(id, 1, newApproval({ event: asked }))
  await store.appendTranscript(id, 1, [entry(`mandrake ${'x'.repeat(50_000)}`), entry('mandrake')])
  await store.finish(id, 1, completed())
  await store.deleteRun(id)
  while ((await store.reclaim()).more);
  await store.close()
  const db = new DatabaseSync(databasePath(dataDir), { readOnly: true })
  for (const table of ['approvals', 'transcripts', 'discarded', 'batches']) {
    expect(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()).toEqual({ n: 0 })
  }
  db.close()
})
