import { MillraceError } from '@millrace/protocol'
import { newMessage } from '@millrace/store-conformance/material'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openMemoryStore } from '#store/memory/store'
import type { NewRun, Store } from '#store/store'
import { observeStore } from '#telemetry/observed-store'

const id = '11111111-1111-4111-8111-111111111111'
const event = (type: string, json = '{"x":"ä"}') => ({ at: 5, type, json })
const newRun: NewRun = {
  id,
  kind: 'job',
  project: 'web',
  owner: 'ann',
  spec: {},
  createdAt: 5,
  retryOf: null,
  resumes: null,
  exclusive: false,
  queued: event('run:queued'),
  idempotency: { key: 'k', fingerprint: 'f' },
}
const finish = {
  state: 'completed',
  event: event('complete'),
  result: null,
  error: null,
  usage: null,
} as const

function memory(): Store {
  const store = openMemoryStore()
  onTestFinished(() => store.close())
  return store
}

function observed(store: Store) {
  const told: string[] = []
  const appended = { events: 0, bytes: 0 }
  let clock = 0
  const seconds: number[] = []
  const watched = observeStore(
    store,
    {
      committed: (took) => void seconds.push(took),
      appended: (events, bytes) => {
        appended.events += events
        appended.bytes += bytes
      },
      queued: (run) => void told.push(`queued ${run.state}`),
      started: (run) => void told.push(`started ${run.state}`),
      ended: (run) => void told.push(`ended ${run.state}`),
      overQuota: (action) => void told.push(`quota ${action}`),
    },
    () => {
      clock += 250
      return clock
    },
  )
  return { watched, told, appended, seconds }
}

describe('a store whose writes are seen', () => {
  it('an observed store reports each step of a run once, with its events and bytes, and how long each write took', async () => {
    const { watched, told, appended, seconds } = observed(memory())
    expect((await watched.createRun(newRun)).created).toBe(true)
    expect((await watched.createRun(newRun)).created).toBe(false)
    await watched.claim({ kind: 'job', limit: 1, node: 'n' })
    await watched.markRunning(id, 1, event('run:started'))
    expect(await watched.append(id, 1, [event('output'), event('output')])).toEqual({
      firstSeq: 3,
      lastSeq: 4,
    })
    await watched.finish(id, 1, finish)
    expect(told).toEqual(['queued queued', 'started running', 'ended completed'])
    expect(appended).toEqual({ events: 5, bytes: 5 * Buffer.byteLength('{"x":"ä"}') })
    expect(await watched.bounds(id)).toMatchObject({ head: 5, closed: true })
    // Two creations, a start, an append and an end; a claim that may find nothing is no measure of the disk.
    expect(seconds).toEqual([0.25, 0.25, 0.25, 0.25, 0.25])
  })

  it('an observed store reports a run that another program works on like any other', async () => {
    const { watched, told, appended, seconds } = observed(memory())
    const size = Buffer.byteLength('{"x":"ä"}')
    await watched.createRun({ ...newRun, detached: { started: event('run:started'), leaseUntil: 60 } })
    expect(told.splice(0)).toEqual(['queued running', 'started running'])
    const batch = {
      events: [event('a'), event('b')],
      producer: { id: 'p', epoch: 1, seq: 0 },
      leaseUntil: 70,
    }
    const producing = watched.produce(id, batch)
    expect(watched.uncommittedBytes()).toBe(2 * size)
    await producing
    // A repeated batch appends nothing.
    await watched.produce(id, batch)
    expect(appended).toEqual({ events: 4, bytes: 4 * size })
    expect(await watched.finishSilent(id, 1, finish, 70)).toBeNull()
    expect(told).toEqual([])
    expect(await watched.finishSilent(id, 1, finish, 71)).toMatchObject({ state: 'completed' })
    expect(told).toEqual(['ended completed'])
    expect(appended).toEqual({ events: 5, bytes: 5 * size })
    expect(seconds).toHaveLength(5)
  })

  it('an observed store counts an approval and its answer as events, and a transcript as bytes only', async () => {
    const { watched, appended, seconds } = observed(memory())
    await watched.createRun(newRun)
    await watched.claim({ kind: 'job', limit: 1, node: 'n' })
    const before = { ...appended, writes: seconds.length }
    const approval = '22222222-2222-4222-8222-222222222222'
    const asked = watched.requestApproval(id, 1, {
      id: approval,
      expiresAt: 9,
      event: event('permission:requested'),
    })
    const kept = watched.appendTranscript(id, 1, [{ conversation: 'c', subpath: '', json: '"ä"' }])
    expect(watched.uncommittedBytes()).toBe(Buffer.byteLength('{"x":"ä"}') + Buffer.byteLength('"ä"'))
    await Promise.all([asked, kept])
    const data = await watched.answerApproval(id, approval, { decision: 'allow', by: 'person', at: 5 })
    await expect(
      watched.answerApproval(id, approval, { decision: 'deny', by: 'expiry', at: 9 }),
    ).rejects.toMatchObject({ code: 'already_answered' })
    expect(appended).toEqual({
      events: before.events + 2,
      bytes: before.bytes + Buffer.byteLength('{"x":"ä"}') + JSON.stringify(data).length,
    })
    expect(seconds).toHaveLength(before.writes + 3)
    expect(watched.uncommittedBytes()).toBe(0)
  })

  it('an observed store passes refusals on unchanged, and neither counts nor reports refused writes', async () => {
    const { watched, told, appended, seconds } = observed(memory())
    await watched.createRun(newRun)
    await watched.claim({ kind: 'job', limit: 1, node: 'n' })
    await watched.finish(id, 1, finish)
    const before = { told: [...told], appended: { ...appended }, count: seconds.length }
    const late = [
      watched.append(id, 1, [event('output')]),
      watched.markRunning(id, 1, event('run:started')),
      watched.finish(id, 1, finish),
    ]
    for (const write of late) {
      await expect(write).rejects.toThrow(MillraceError)
      await expect(write).rejects.toMatchObject({ code: 'run_over' })
    }
    expect({ told, appended, count: seconds.length }).toEqual(before)
    expect(watched.uncommittedBytes()).toBe(0)
  })

  it('an observed store counts the bytes on their way to the disk until their write settles, however it does', async () => {
    const store = memory()
    const answers: PromiseWithResolvers<never>[] = []
    const append = () => {
      const answer = Promise.withResolvers<never>()
      answers.push(answer)
      return answer.promise
    }
    const { watched } = observed({ ...store, append })
    const writes = [watched.append(id, 1, [event('output')]), watched.append(id, 1, [event('output')])]
    expect(watched.uncommittedBytes()).toBe(2 * Buffer.byteLength('{"x":"ä"}'))
    for (const answer of answers) answer.reject(new MillraceError('storage_failed', 'the disk lied'))
    expect((await Promise.allSettled(writes)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(watched.uncommittedBytes()).toBe(0)
  })

  it('an observed store reports the runs and messages that a quota refused, and the runs that it made end', async () => {
    const { watched, told } = observed(memory())
    await watched.createRun(newRun)
    const other = { ...newRun, id: '33333333-3333-4333-8333-333333333333', idempotency: null }
    await expect(watched.createRun({ ...other, ownerBytesMax: 1 })).rejects.toMatchObject({
      code: 'quota_exceeded',
    })
    const said = watched.acceptMessage(id, newMessage({ ownerBytesMax: 1 }))
    await expect(said).rejects.toMatchObject({ code: 'quota_exceeded' })
    await watched.acceptMessage(id, newMessage())
    await watched.requestEnd(id, 'quota')
    expect(told).toEqual(['queued queued', 'quota refused', 'quota refused', 'quota ended'])
    await watched.createRun(other)
    await watched.requestEnd(other.id, 'abort')
    await watched.requestEnd(other.id, 'quota')
    expect(told.slice(4)).toEqual(['queued queued'])
  })

  it('an observed store hands writes on in the turn they were called, so that they keep their order', async () => {
    const { watched } = observed(memory())
    await watched.createRun(newRun)
    await watched.claim({ kind: 'job', limit: 1, node: 'n' })
    const appends = Array.from({ length: 20 }, (_, n) => watched.append(id, 1, [event('output', `${n}`)]))
    const end = watched.finish(id, 1, finish)
    await Promise.all([...appends, end])
    const page = await watched.readAfter(id, { after: 0, maxBytes: 1e6 })
    expect(page?.events.slice(1, -1).map(({ json }) => Number(json))).toEqual(
      Array.from({ length: 20 }, (_, n) => n),
    )
  })
})
