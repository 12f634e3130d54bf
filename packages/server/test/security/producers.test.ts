/** External runs over HTTP: their producers append exactly once, and nobody else may. */
import { randomUUID } from 'node:crypto'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRig, post, type Rig } from './support/server.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.stop())

interface Answer {
  status: number
  body: Record<string, unknown> & { run: Record<string, unknown> & { id: string } }
}

async function call(token: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await rig.as(token, path, init)
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
}

async function begin(given: object = {}, token = rig.owner): Promise<string> {
  const { status, body } = await call(
    token,
    '/api/runs',
    post({ kind: 'external', title: 'Nightly', ...given }),
  )
  expect(status).toBe(201)
  expect(body.run).toMatchObject({ kind: 'external', state: 'running', project: null })
  return body.run.id
}

const append = (id: string, batch: object, token = rig.owner) =>
  call(token, `/api/runs/${id}/events`, post(batch))

async function logOf(id: string): Promise<{ seq: number; type: string; data: Record<string, unknown> }[]> {
  const { body } = await call(rig.owner, `/api/runs/${id}/events`, {
    headers: { accept: 'application/json' },
  })
  return body.events as never
}

describe('a producer', () => {
  it('a producer appends events of any type, which followers see like all others', async () => {
    const id = await begin()
    const events = [
      { type: 'thinking', data: { thought: 'Look first', iteration: 1 } },
      { type: 'my.own:type-1', data: [1, 2] },
      { type: 'bare' },
    ]
    expect(await append(id, { events, producer: 'p', seq: 0 })).toEqual({
      status: 200,
      body: { firstSeq: 3, lastSeq: 5, duplicate: false },
    })
    const { body } = await call(
      rig.owner,
      `/api/runs/${id}/finish`,
      post({ state: 'completed', result: { ok: 1 } }),
    )
    expect(body.run).toMatchObject({ state: 'completed', result: { ok: 1 } })
    const log = await logOf(id)
    expect(log.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(log.slice(2, 5).map(({ type, data }) => ({ type, data }))).toEqual([
      ...events.slice(0, 2),
      { type: 'bare', data: null },
    ])
    expect(log.at(-1)).toMatchObject({ type: 'execution:complete', data: { result: { ok: 1 } } })
    const stream = await (await rig.as(rig.owner, `/api/runs/${id}/events`)).text()
    expect(stream.match(/^id: /gm)?.length).toBe(6)
  })

  it('a repeated batch is answered as before, a gap is named, and an older epoch is refused', async () => {
    const id = await begin()
    const one = { events: [{ type: 'a' }], producer: 'p', epoch: 1, seq: 0 }
    const first = await append(id, one)
    expect((await append(id, one)).body).toEqual({ ...first.body, duplicate: true })
    const gap = await append(id, { ...one, seq: 2 })
    expect(gap).toMatchObject({ status: 409, body: { code: 'sequence_gap', expectedSeq: 1 } })
    expect((await append(id, { ...one, epoch: 2 })).body).toMatchObject({ duplicate: false })
    expect(await append(id, { ...one, seq: 1 })).toMatchObject({ status: 409, body: { code: 'fenced' } })
    expect((await logOf(id)).length).toBe(4)
  })

  it('a producer reports a failure in its own words, and may repeat the end', async () => {
    const id = await begin()
    const end = post({ state: 'errored', error: { message: 'No quota', code: 'budget' } })
    const { body } = await call(rig.owner, `/api/runs/${id}/finish`, end)
    expect(body.run).toMatchObject({ state: 'errored', error: { message: 'No quota' } })
    expect((await call(rig.owner, `/api/runs/${id}/finish`, end)).status).toBe(200)
    const other = await call(rig.owner, `/api/runs/${id}/finish`, post({ state: 'completed' }))
    expect(other).toMatchObject({ status: 409, body: { code: 'run_over' } })
    expect((await append(id, { events: [{ type: 'late' }] })).body).toMatchObject({ code: 'run_over' })
    const log = await logOf(id)
    expect(log.at(-1)).toMatchObject({ type: 'execution:error', data: { error: 'No quota', code: 'budget' } })
  })

  it.each([
    ['run:started', 'events.0.type'],
    ['run:queued', 'events.0.type'],
    ['run:paused', 'events.0.type'],
    ['reset', 'events.0.type'],
    ['permission:resolved', 'events.0.type'],
    ['execution:complete', 'events.0.type'],
    ['execution:error', 'events.0.type'],
    ['two words', 'events.0.type'],
    ['x'.repeat(65), 'events.0.type'],
    ['line\nbreak', 'events.0.type'],
    ['tipö', 'events.0.type'],
    ['ａ', 'events.0.type'],
    ['a\u0000', 'events.0.type'],
    ['a\n', 'events.0.type'],
    ['', 'events.0.type'],
  ])('a producer may not send an event of type %j', async (type, path) => {
    const id = await begin()
    const { status, body } = await append(id, { events: [{ type, data: {} }] })
    expect([status, body.errors]).toEqual([400, [expect.objectContaining({ path })]])
    expect((await logOf(id)).length).toBe(2)
  })

  it.each([
    [{ events: 'x' }, 'events'],
    [{ events: [{ data: 1 }] }, 'events.0.type'],
    [{ events: [], producer: 'p' }, 'seq'],
    [{ events: [], seq: 1 }, 'producer'],
    [{ events: [], producer: 'p', seq: -1 }, 'seq'],
    [{ events: [], producer: 'a b', seq: 0 }, 'producer'],
    [{ events: [], producer: 'p', seq: 2 ** 53 }, 'seq'],
    [{ events: [], producer: 'p', seq: 0.5 }, 'seq'],
    [{ events: [], producer: 'p', seq: '0' }, 'seq'],
    [{ events: [], producer: 'p', seq: Number.NaN }, 'seq'],
    [{ events: [], producer: 'p', seq: 0, epoch: -1 }, 'epoch'],
    [{ events: [], producer: 'p', seq: 0, epoch: 2 ** 53 }, 'epoch'],
    [{ events: [], producer: '', seq: 0 }, 'producer'],
    [{ events: [], producer: 'x'.repeat(129), seq: 0 }, 'producer'],
    [{ events: [], producer: 'prod\u00fcc\u00e9r', seq: 0 }, 'producer'],
    [{ events: [{ type: 5 }] }, 'events.0.type'],
    [{ events: [null] }, 'events.0'],
    [{ events: Array.from({ length: 1001 }, () => ({ type: 'a' })) }, 'events'],
  ])('an invalid batch is refused with the field at fault: %#', async (batch, path) => {
    const { status, body } = await append(await begin(), batch)
    expect([status, (body.errors as { path: string }[])[0]?.path]).toEqual([400, path])
  })

  it('a producer that is silent for longer than its lease is interrupted, and one with signs of life is not', async () => {
    const [silent, alive] = [await begin({ leaseSeconds: 1 }), await begin({ leaseSeconds: 1 })]
    const signs = setInterval(() => void append(alive, { events: [] }), 200)
    try {
      await until(async () => (await logOf(silent)).at(-1)?.type === 'execution:interrupted')
      expect((await call(rig.owner, `/api/runs/${alive}`)).body.run.state).toBe('running')
    } finally {
      clearInterval(signs)
    }
    expect((await call(rig.owner, `/api/runs/${silent}`)).body.run.state).toBe('interrupted')
  })

  // Seen failing with the owner left out of what is remembered of a run.
  it('a run that has had batches is hidden from others as before, and once deleted it is not found', async () => {
    const id = await begin()
    const batch = { events: [{ type: 'a' }], producer: 'p', seq: 0 }
    expect((await append(id, batch)).status).toBe(200)
    expect((await append(id, batch, rig.other)).body).toMatchObject({ code: 'not_found' })
    await call(rig.owner, `/api/runs/${id}/finish`, post({ state: 'completed' }))
    expect((await append(id, batch)).body).toMatchObject({ duplicate: true })
    await until(async () => {
      await call(rig.admin, '/api/admin/prune', post({ days: 0 }))
      return (await call(rig.owner, `/api/runs/${id}`)).status === 404
    })
    const [gone, never] = [await append(id, batch), await append(randomUUID(), batch)]
    expect([gone.status, gone.body.detail]).toEqual([404, `No run ${id}`])
    expect([never.status, never.body.code]).toEqual([404, gone.body.code])
  })

  it('whatever races, a run ends once, and every batch that was answered is before its end', async () => {
    const ends = [
      (id: string) => call(rig.owner, `/api/runs/${id}/finish`, post({ state: 'completed', result: 1 })),
      (id: string) => call(rig.owner, `/api/runs/${id}/finish`, post({ state: 'errored', error: 'x' })),
      (id: string) => call(rig.owner, `/api/runs/${id}/abort`, { method: 'POST' }),
    ]
    for (let round = 0; round < 6; round++) {
      const id = await begin()
      const racing = Array.from({ length: 12 }, (_, n) =>
        n % 4 === 3
          ? ends[(n + round) % 3]?.(id)
          : append(id, { events: [{ type: 'a', data: n }], producer: `p${n}`, seq: 0 }),
      )
      const answers = await Promise.all(racing)
      const log = await logOf(id)
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1))
      expect(log.filter(({ type }) => type.startsWith('execution:'))).toEqual([log.at(-1)])
      const appended = log.filter(({ type }) => type === 'a').map(({ data }) => data as unknown as number)
      const answered = answers.flatMap((answer, n) => (n % 4 !== 3 && answer?.status === 200 ? [n] : []))
      expect(appended.toSorted((x, y) => x - y)).toEqual(answered)
      for (const answer of answers) expect([200, 409]).toContain(answer?.status)
      const { state } = (await call(rig.owner, `/api/runs/${id}`)).body.run
      expect(log.at(-1)?.type).toBe(state === 'completed' ? 'execution:complete' : 'execution:error')
    }
  })

  it('two tokens of one run write to the same log, and are counted as one producer where they say so', async () => {
    const id = await begin()
    const tokens = await Promise.all(
      [1, 2].map(
        async () => (await call(rig.owner, `/api/runs/${id}/token`, { method: 'POST' })).body.token as string,
      ),
    )
    const batch = { events: [{ type: 'a' }], producer: 'p', seq: 0 }
    const answers = await Promise.all(tokens.map((token) => append(id, batch, token)))
    expect(answers.map(({ body }) => body.duplicate).toSorted()).toEqual([false, true])
    expect((await logOf(id)).length).toBe(3)
  })

  it('names of JavaScript’s own in the data of an event are data', async () => {
    const id = await begin()
    const text = '{"events":[{"type":"a","data":{"__proto__":{"x":1},"constructor":{"prototype":{}}}}]}'
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: text }
    const { status } = await call(rig.owner, `/api/runs/${id}/events`, init)
    const kept = (await logOf(id)).at(-1)
    expect([200, 400]).toContain(status)
    if (status === 200) expect(JSON.stringify(kept?.data)).toContain('"__proto__":{"x":1}')
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('an abort takes the run from its producer at once', async () => {
    const id = await begin()
    const { body } = await call(rig.owner, `/api/runs/${id}/abort`, { method: 'POST' })
    expect(body.run.state).toBe('aborted')
    expect((await logOf(id)).at(-1)).toMatchObject({ type: 'execution:error', data: { code: 'cancelled' } })
    expect((await append(id, { events: [{ type: 'a' }] })).status).toBe(409)
  })
})

describe('the token of one run', () => {
  const tokenFor = async (id: string): Promise<string> =>
    (await call(rig.owner, `/api/runs/${id}/token`, { method: 'POST' })).body.token as string

  it('the token of a run appends to that run', async () => {
    const id = await begin()
    const { status, body } = await call(rig.owner, `/api/runs/${id}/token`, { method: 'POST' })
    expect([status, typeof body.expiresAt]).toEqual([201, 'number'])
    const token = body.token as string
    expect((await append(id, { events: [{ type: 'a' }], producer: 'p', seq: 0 }, token)).status).toBe(200)
  })

  it('the token of a run opens nothing else', async () => {
    const [id, other] = [await begin(), await begin()]
    const token = await tokenFor(id)
    const refused: [string, RequestInit][] = [
      [`/api/runs/${other}/events`, post({ events: [] })],
      [`/api/runs/${id}`, {}],
      [`/api/runs/${id}/events`, {}],
      [`/api/runs/${id}/finish`, post({ state: 'completed' })],
      [`/api/runs/${id}/abort`, { method: 'POST' }],
      [`/api/runs/${id}/token`, { method: 'POST' }],
      ['/api/runs', {}],
      ['/api/runs', post({ kind: 'external', title: 't' })],
      ['/api/projects', {}],
      ['/api/tickets', post({ path: `/api/runs/${id}/events` })],
    ]
    for (const [path, init] of refused)
      expect([path, (await call(token, path, init)).status]).toEqual([path, 401])
  })

  it('the token of a run dies with the credential of its maker', async () => {
    const { token, credential } = await rig.newToken('mortal')
    const id = await begin({}, token)
    const made = (await call(token, `/api/runs/${id}/token`, { method: 'POST' })).body.token as string
    expect((await append(id, { events: [] }, made)).status).toBe(200)
    await rig.file.revoke(credential.id, Date.now())
    expect((await append(id, { events: [] }, made)).status).toBe(401)
  })

  it('no token is given for a run that this server works on, or that is over', async () => {
    const job = await rig.job(rig.owner)
    expect((await call(rig.owner, `/api/runs/${job}/token`, { method: 'POST' })).status).toBe(400)
    const id = await begin()
    await call(rig.owner, `/api/runs/${id}/finish`, post({ state: 'completed' }))
    expect((await call(rig.owner, `/api/runs/${id}/token`, { method: 'POST' })).status).toBe(409)
  })
})

it('the events of a job are refused from outside', async () => {
  const job = await rig.job(rig.owner, 'wait')
  expect(await append(job, { events: [{ type: 'output', data: { line: 'forged' } }] })).toMatchObject({
    status: 400,
  })
  await rig.as(rig.owner, `/api/runs/${job}/abort`, { method: 'POST' })
})
