/** The executions face over HTTP: what is refused at the start, and external runs that it follows and cancels. */
import { request } from 'node:http'
import { createGunzip } from 'node:zlib'
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { bearer, follow } from '#test/security/support/follow'
import { openRig, post, type Rig } from '#test/security/support/server'

let rig: Rig
beforeAll(async () => {
  const tiny = { provider: 'openai-compatible', baseUrl: 'http://127.0.0.1:9/v1', model: 'tiny' } as const
  rig = await openRig({ config: { http: { compressStreams: true }, models: { tiny } } })
})
afterAll(() => rig.stop())

async function call(path: string, init: RequestInit = {}) {
  const response = await rig.as(rig.owner, path, init)
  const body = (await response.json()) as Record<string, unknown> & { errors?: { path: string }[] }
  return { status: response.status, body }
}

async function begin(): Promise<string> {
  const { body } = await call('/api/runs', post({ kind: 'external', title: 'Nightly' }))
  return (body.run as { id: string }).id
}

const append = (id: string, ...types: string[]) =>
  call(`/api/runs/${id}/events`, post({ events: types.map((type) => ({ type, data: { of: type } })) }))
const cancel = (id: string) => call(`/api/agent/execute/${id}/cancel`, { method: 'POST' })

const whole = { task: 'Count', projectId: 'here' }

describe('a start of an execution', () => {
  it.each([
    [{}, 'task'],
    [{ task: ' ' }, 'task'],
    [{ task: 1 }, 'task'],
    [{ task: 'Count', context: 7 }, 'context'],
    [{ task: 'Count', projectId: '' }, 'projectId'],
    [{ task: 'Count', projectId: 'nowhere' }, 'projectId'],
    [{ task: 'Count', model: 7 }, 'model'],
    [{ ...whole, model: 'gpt-9' }, 'model'],
    [{ ...whole, model: 'openai-compatible:nowhere' }, 'model'],
    [{ ...whole, limits: { iterations: 0 } }, 'limits.iterations'],
    [{ ...whole, limits: { seconds: 1e9 } }, 'limits.seconds'],
    [{ ...whole, model: 'openai-compatible:tiny', limits: { usd: 1 } }, 'limits.usd'],
    [[], '(body)'],
  ])('a start with a bad body names the field: %j, %s', async (body, path) => {
    const answer = await call('/api/agent/execute', post(body))
    expect([answer.status, answer.body.errors?.map((field) => field.path)]).toEqual([400, [path]])
  })
})

describe('a cancelled execution', () => {
  it('a cancel ends an external run at once, and a second one is refused with 409', async () => {
    const id = await begin()
    const stream = await follow(`${rig.url}/api/agent/stream/${id}`, bearer(rig.owner))
    expect(await cancel(id)).toEqual({ status: 200, body: { executionId: id, state: 'aborted' } })
    expect(await stream.over).toBe('end')
    expect(stream.events.at(-1)).toMatchObject({ event: 'execution:error' })
    expect(JSON.parse(stream.events.at(-1)?.data ?? '')).toMatchObject({ code: 'cancelled' })
    expect(await cancel(id)).toMatchObject({ status: 409, body: { code: 'run_over' } })
    expect(await append(id, 'thinking')).toMatchObject({ status: 409, body: { code: 'run_over' } })
  })

  it('of many cancels at once, at most those that came before the end succeed', async () => {
    const id = await begin()
    const answers = await Promise.all(Array.from({ length: 8 }, () => cancel(id)))
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([])
    const { body } = await call(`/api/runs/${id}/events`, { headers: { accept: 'application/json' } })
    const types = (body.events as { type: string }[]).map(({ type }) => type)
    expect(types.filter((type) => type === 'execution:error')).toHaveLength(1)
  })

  it('a job is neither cancelled nor followed as an execution', async () => {
    const job = await rig.job(rig.owner, 'wait')
    expect((await cancel(job)).status).toBe(404)
    expect((await call(`/api/agent/stream/${job}`)).status).toBe(404)
    expect((await call(`/api/runs/${job}/abort`, { method: 'POST' })).status).toBe(200)
  })
})

describe('the stream of an execution', () => {
  it('the stream has the bytes of the native one, resumes after a cursor, and ends after the terminal event', async () => {
    const id = await begin()
    await append(id, 'plan:created', 'thinking', 'my.own')
    const live = await follow(`${rig.url}/api/agent/stream/${id}`, bearer(rig.owner))
    await live.has(5)
    await call(`/api/runs/${id}/finish`, post({ state: 'completed', result: 3 }))
    expect(await live.over).toBe('end')
    const text = async (path: string) => (await rig.as(rig.owner, path)).text()
    expect(live.text()).toBe(await text(`/api/runs/${id}/events`))
    const rest = await text(`/api/agent/stream/${id}?after=4`)
    expect([...rest.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => seq)).toEqual(['5', '6'])
    expect((await rig.as(rig.owner, `/api/agent/stream/${id}?after=6`)).status).toBe(204)
  })

  it.each(['/api/agent/stream/:id', '/api/runs/:id/events'])(
    '?types= at %s sends only those, and the terminal event',
    async (path) => {
      const id = await begin()
      await append(id, 'thinking', 'tool:start', 'thinking')
      const url = `${rig.url}${path.replace(':id', id)}?types=thinking,none`
      const stream = await follow(url, bearer(rig.owner))
      await call(`/api/runs/${id}/finish`, post({ state: 'completed' }))
      await stream.over
      expect(stream.events.map(({ id: seq, event }) => `${seq} ${event}`)).toEqual([
        '3 thinking',
        '5 thinking',
        '6 execution:complete',
      ])
    },
  )

  it('?types= at the stream of a job sends only those, and the terminal event', async () => {
    const job = await rig.job(rig.owner)
    const text = await (await rig.as(rig.owner, `/api/stream/${job}?types=run:started`)).text()
    expect([...text.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)).toEqual(['run:started', 'complete'])
  })

  it.each(['/api/agent/stream/:id', '/api/runs/:id/events'])(
    'compressed, %s shows each event before the next one exists',
    async (path) => {
      const id = await begin()
      const seen = await followCompressed(path.replace(':id', id))
      await until(() => seen().includes('event: run:started'))
      for (const type of ['one', 'two', 'three']) {
        expect(seen()).not.toContain(`event: ${type}\n`)
        await append(id, type)
        await until(() => seen().includes(`event: ${type}\ndata: {"of":"${type}"}\n\n`))
      }
      await call(`/api/runs/${id}/finish`, post({ state: 'completed' }))
      await until(() => seen().includes('event: execution:complete'))
    },
  )
})

/** Returns the part of a stream that the client has read, decompressed. Fails if it is not compressed. */
async function followCompressed(path: string): Promise<() => string> {
  let text = ''
  const headers = { ...bearer(rig.owner), 'accept-encoding': 'gzip' }
  const asked = request(rig.url + path, { headers, agent: false })
  onTestFinished(() => void asked.destroy())
  const encoding = await new Promise((resolve, reject) => {
    asked.on('error', reject).on('response', (response) => {
      response
        .pipe(createGunzip())
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk
        })
        .on('error', () => {})
      resolve(response.headers['content-encoding'])
    })
    asked.end()
  })
  expect(encoding).toBe('gzip')
  return () => text
}
