import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TranscriptEntry } from '#runners/runner'
import { emptyTables } from '#store/memory/tables'
import {
  ann,
  bob,
  expectNothingUnhandled,
  expectWholeLog,
  openRig,
  refusalOf,
  root,
  startJob,
  untilOver,
  untilState,
} from './support/rig.ts'
import { finishAtOnce, outcome, type Script, untilAsked } from './support/scripted-runner.ts'
import { openSessions, startSession, working } from './support/session-rig.ts'

expectNothingUnhandled()

const entryOf = (text: unknown): TranscriptEntry => ({
  conversation: 'c1',
  subpath: '',
  json: JSON.stringify(text),
})

/** Reads the stored conversation, adds its prompt, and emits what it read; keeps running if its spec says so. */
const converse: Script = working(async ({ run, signal, readTranscript, appendTranscript }) => {
  const before = await readTranscript()
  if (run.spec.silent !== true) await appendTranscript([entryOf(run.spec.prompt)])
  if (run.spec.stays === true && run.resumes === null) await untilAsked(signal)
  return before.map(({ json }) => JSON.parse(json))
})

describe('resuming', () => {
  it('a resumed session is a new run with the spec and the conversation of the old one, and another prompt', async () => {
    const rig = await openSessions({ script: converse })
    const first = await startSession(rig, { project: 'web', prompt: 'one', model: 'm', cwd: '/x' })
    await untilOver(rig.runs, first.id)
    const second = await rig.runs.resume(first.id, ann, { prompt: 'two' })
    expect(second).toMatchObject({
      kind: 'session',
      project: 'web',
      owner: 'ann',
      spec: { ...first.spec, prompt: 'two' },
      resumes: first.id,
      retryOf: null,
    })
    expect((await untilOver(rig.runs, second.id)).result).toEqual(['one'])
    const third = await rig.runs.resume(second.id, ann)
    expect(third.spec.prompt).toBe('continue')
    expect((await untilOver(rig.runs, third.id)).result).toEqual(['one', 'two'])
    await expectWholeLog(rig.store, third.id)
  })

  it('a session is resumed after a shutdown, with the conversation stored until then', async () => {
    const tables = emptyTables()
    const first = await openSessions({ tables, script: converse })
    const { id } = await startSession(first, { prompt: 'one', stays: true })
    await untilState(first.runs, id, 'running')
    await first.close()
    const second = await openSessions({ tables, script: converse })
    expect((await second.runs.get(id, ann)).state).toBe('interrupted')
    const next = await second.runs.resume(id, ann)
    expect((await untilOver(second.runs, next.id)).result).toEqual(['one'])
  })

  it('resuming is refused for other kinds, and while the session is not over', async () => {
    const jobs = await openRig({ script: finishAtOnce })
    const job = await startJob(jobs.runs)
    await untilOver(jobs.runs, job.id)
    await expect(jobs.runs.resume(job.id, ann)).rejects.toMatchObject({ code: 'not_resumable', status: 409 })
    const rig = await openSessions({ script: converse })
    const { id } = await startSession(rig, { stays: true })
    await untilState(rig.runs, id, 'running')
    expect(await refusalOf(rig.runs.resume(id, ann))).toBe('run_open')
  })

  it('resuming is refused if nothing of the conversation was stored, and says what to do instead', async () => {
    const rig = await openSessions({ script: converse })
    const { id, project } = await startSession(rig, { silent: true })
    await untilOver(rig.runs, id)
    await expect(rig.runs.resume(id, ann)).rejects.toMatchObject({
      code: 'not_resumable',
      message: expect.stringContaining('retry it instead'),
    })
    expect((await rig.runs.list({ project: project ?? '', limit: 9 }, ann)).runs).toHaveLength(1)
  })

  it('resuming is refused while the project has another session, and two racing calls make one run', async () => {
    const rig = await openSessions({ script: converse })
    const first = await startSession(rig, { project: 'web', prompt: 'one' })
    await untilOver(rig.runs, first.id)
    const other = await startSession(rig, { project: 'web', stays: true })
    await expect(rig.runs.resume(first.id, ann)).rejects.toMatchObject({
      code: 'project_busy',
      message: 'Project already has an active agent session',
    })
    await rig.runs.abort(other.id, ann)
    const gate = Promise.withResolvers<void>()
    rig.runner.script = () => gate.promise.then(() => outcome())
    const both = await Promise.allSettled([rig.runs.resume(first.id, ann), rig.runs.resume(first.id, root)])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    gate.resolve()
  })

  it('another’s session does not exist for a resume, and the run of an admin who resumes it is the admin’s', async () => {
    const rig = await openSessions({ script: converse })
    const { id } = await startSession(rig)
    await untilOver(rig.runs, id)
    for (const asked of [id, randomUUID()]) {
      await expect(rig.runs.resume(asked, bob)).rejects.toMatchObject({
        code: 'not_found',
        message: `No run ${asked}`,
      })
    }
    expect((await rig.runs.resume(id, root)).owner).toBe('root')
  })

  it('resuming is refused while the server drains', async () => {
    const rig = await openSessions({ script: converse })
    const { id } = await startSession(rig)
    await untilOver(rig.runs, id)
    rig.runs.refuseStarts()
    expect(await refusalOf(rig.runs.resume(id, ann))).toBe('draining')
  })
})

describe('a retry of a session', () => {
  it('a retry of a session that resumed another has the same conversation', async () => {
    const rig = await openSessions({ script: converse })
    const first = await startSession(rig, { prompt: 'one' })
    await untilOver(rig.runs, first.id)
    const second = await rig.runs.resume(first.id, ann, { prompt: 'two' })
    await untilOver(rig.runs, second.id)
    const again = await rig.runs.retry(second.id, ann)
    expect(again).toMatchObject({ retryOf: second.id, resumes: first.id, spec: second.spec })
    expect((await untilOver(rig.runs, again.id)).result).toEqual(['one'])
    const plain = await rig.runs.retry(first.id, ann)
    expect(plain).toMatchObject({ retryOf: first.id, resumes: null })
    expect((await untilOver(rig.runs, plain.id)).result).toEqual([])
  })

  it('a retry is refused if the session it resumed is gone, but the session itself can be resumed', async () => {
    const rig = await openSessions({ script: converse })
    const first = await startSession(rig, { prompt: 'one' })
    await untilOver(rig.runs, first.id)
    const second = await rig.runs.resume(first.id, ann, { prompt: 'two' })
    await untilOver(rig.runs, second.id)
    await rig.store.deleteRun(first.id)
    expect(await refusalOf(rig.runs.retry(second.id, ann))).toBe('not_resumable')
    const third = await rig.runs.resume(second.id, ann)
    expect((await untilOver(rig.runs, third.id)).result).toEqual(['one', 'two'])
  })
})

describe('a conversation', () => {
  it('a conversation gets no entries once its run is over, and is then whole', async () => {
    const rig = await openSessions({
      script: working(async ({ appendTranscript }) => {
        // Not awaited: the run's end waits for it.
        for (const n of [1, 2, 3]) void appendTranscript([entryOf(n)])
      }),
    })
    const { id } = await startSession(rig)
    await untilOver(rig.runs, id)
    expect((await rig.store.readTranscript(id)).map(({ json }) => json)).toEqual(['1', '2', '3'])
    const late = rig.runner.context(id).appendTranscript([entryOf(4)])
    expect(await refusalOf(late)).toBe('run_over')
    expect(await rig.runner.context(id).readTranscript()).toHaveLength(3)
  })

  it('a conversation that cannot be stored ends the run: it could not be resumed', async () => {
    const rig = await openSessions({
      script: working(async ({ appendTranscript, signal }) => {
        void appendTranscript([{ ...entryOf(''), json: '"\ud800"' }])
        await untilAsked(signal)
      }),
    })
    const { id } = await startSession(rig)
    expect(await untilOver(rig.runs, id)).toMatchObject({ state: 'interrupted' })
  })
})

it('of twenty sessions started at once in a project exactly one starts, and the rest are refused with the reason', async () => {
  const rig = await openSessions({ script: converse })
  const starts = await Promise.allSettled(
    Array.from({ length: 20 }, () => startSession(rig, { project: 'one at a time', stays: true })),
  )
  const refused = starts.filter((one) => one.status === 'rejected')
  expect(refused).toHaveLength(19)
  for (const { reason } of refused) {
    expect(reason).toMatchObject({
      code: 'project_busy',
      message: 'Project already has an active agent session',
    })
  }
  const elsewhere = await startSession(rig, { stays: true })
  await untilState(rig.runs, elsewhere.id, 'running')
})
