/** Hooks that start, list and answer. */
import type { Run } from '@millrace/protocol'
import type { ReactNode } from 'react'
import { act } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MillraceProvider } from '#provider'
import { useApprovals } from '#runs/use-approvals'
import { useJob } from '#runs/use-job'
import { useRuns } from '#runs/use-runs'
import { useSession } from '#runs/use-session'
import { mount, observed, strictly } from './support/mount.tsx'
import { Frames, json, type ScriptedClient, scriptedClient } from './support/scripted-client.ts'

let frames: Frames
let client: ScriptedClient
let asked: { call: string; body: unknown }[]
/** Answers a request; undefined: with a 404. */
let answer: (call: string, init?: RequestInit) => Response | Promise<Response> | undefined

beforeEach(() => {
  frames = new Frames()
  asked = []
  answer = () => undefined
  client = scriptedClient(async (url, init) => {
    const call = `${init?.method ?? 'GET'} ${String(url).replace('http://millrace.test', '')}`
    asked.push({ call, body: typeof init?.body === 'string' ? JSON.parse(init.body) : null })
    return (await answer(call, init)) ?? json({ code: 'not_found', detail: 'No run' }, 404)
  })
})

const within = (element: ReactNode) =>
  strictly(
    <MillraceProvider client={client} schedule={frames.schedule}>
      {element}
    </MillraceProvider>,
  )

const record = (id: string) => ({ id, kind: 'job', state: 'running' }) as Run

it('useJob starts a job, shows its lines and its outcome, and another one given later replaces it', async () => {
  answer = (call) => (call === 'POST /api/runs' ? json({ run: record('j1') }, 201) : undefined)
  let given: string | undefined
  const seen = observed(() => useJob(given))
  const page = await mount(within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ runId: null, isRunning: false, status: 'idle' })
  await act(async () => expect(await seen.latest.startJob({ project: 'web', tool: 'npm:test' })).toBe('j1'))
  expect(asked[0]).toEqual({
    call: 'POST /api/runs',
    body: { kind: 'job', project: 'web', tool: 'npm:test' },
  })
  expect(seen.latest).toMatchObject({ runId: 'j1', isRunning: true })
  const following = client.only('j1')
  following.queued('job')
  following.say('output', { line: 'one', stream: 'stdout' })
  await frames.next()
  const { lines } = seen.latest
  expect(lines.map(({ text }) => text)).toEqual(['one'])
  following.say('complete', { exitCode: 0, success: true })
  await frames.next()
  expect(seen.latest).toMatchObject({ isRunning: false, response: { exitCode: 0 } })
  expect(seen.latest.lines).toBe(lines)
  given = 'j2'
  await page.render(within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ runId: 'j2', lines: [], response: null })
  expect(client.only('j2')).toBeDefined()
})

it('a job that the server refuses is not followed, and the refusal is shown', async () => {
  answer = () => json({ code: 'invalid_request', detail: 'There is no tool x' }, 400)
  const seen = observed(() => useJob())
  await mount(within(<seen.Observer />))
  await act(async () => expect(await seen.latest.startJob({ project: 'web', tool: 'x' })).toBeNull())
  expect(seen.latest).toMatchObject({ runId: null, isRunning: false, error: { code: 'invalid_request' } })
  expect(client.followings).toHaveLength(0)
})

it('of two jobs started at once the later one is followed, whichever is answered first', async () => {
  const pending: ((response: Response) => void)[] = []
  answer = (call) =>
    call.startsWith('POST') ? new Promise((resolve) => void pending.push(resolve)) : undefined
  const seen = observed(() => useJob())
  await mount(within(<seen.Observer />))
  await act(async () => {
    void seen.latest.startJob({ project: 'web', tool: 'one' })
    void seen.latest.startJob({ project: 'web', tool: 'two' })
  })
  await act(async () => pending[1]?.(json({ run: record('two') }, 201)))
  await act(async () => pending[0]?.(json({ run: record('one') }, 201)))
  expect(seen.latest.runId).toBe('two')
  expect(client.followings.map(({ runId }) => runId)).toEqual(['two'])
})

it('of two jobs started at once the one that is not refused is followed', async () => {
  const pending: ((response: Response) => void)[] = []
  answer = (call) =>
    call.startsWith('POST') ? new Promise((resolve) => void pending.push(resolve)) : undefined
  const seen = observed(() => useJob())
  await mount(within(<seen.Observer />))
  await act(async () => {
    void seen.latest.startJob({ project: 'web', tool: 'one' })
    void seen.latest.startJob({ project: 'web', tool: 'two' })
  })
  await act(async () => pending[1]?.(json({ code: 'too_many_runs', detail: 'Busy' }, 429)))
  await act(async () => pending[0]?.(json({ run: record('one') }, 201)))
  expect(seen.latest).toMatchObject({ runId: 'one', error: { message: 'Busy' } })
})

it('useSession continues a conversation as a new run and aborts the one it shows', async () => {
  answer = (call) =>
    call.startsWith('POST') ? json({ run: { ...record('s2'), kind: 'session' } }) : undefined
  const seen = observed(() => useSession('s1'))
  await mount(within(<seen.Observer />))
  await act(async () => expect(await seen.latest.resumeSession('Go on')).toBe('s2'))
  expect(client.only('s2')).toBeDefined()
  await act(async () => seen.latest.abortSession())
  expect(asked.filter(({ call }) => call.startsWith('POST'))).toEqual([
    { call: 'POST /api/runs/s1/resume', body: { prompt: 'Go on' } },
    { call: 'POST /api/runs/s2/abort', body: null },
  ])
})

it('useSession forks the conversation it shows at an event, and follows the fork', async () => {
  answer = (call) =>
    call.startsWith('POST') ? json({ run: { ...record('s2'), kind: 'session' } }) : undefined
  const seen = observed(() => useSession('s1'))
  await mount(within(<seen.Observer />))
  await act(async () => expect(await seen.latest.fork({ at: 7, prompt: 'Another way' })).toBe('s2'))
  expect(client.only('s2')).toBeDefined()
  expect(asked.filter(({ call }) => call.startsWith('POST'))).toEqual([
    { call: 'POST /api/runs/s1/fork', body: { at: 7, prompt: 'Another way' } },
  ])
})

it('useApprovals shows the open questions of a run, answers one, and reports a second answer', async () => {
  let isAnswered = false
  answer = (call) => {
    if (!call.includes('/approvals/')) return undefined
    if (isAnswered) return json({ code: 'conflict', detail: 'It was answered before' }, 409)
    isAnswered = true
    return json({ approval: { approvalId: 'q', decision: 'allow', by: 'person' } })
  }
  const seen = observed(() => useApprovals('s1'))
  await mount(within(<seen.Observer />))
  client.only().queued('session')
  const question = { approvalId: 'q', toolUseId: 't', tool: 'Bash', input: {}, reason: 'r', expiresAt: 1 }
  client.only().say('permission:requested', question)
  await frames.next()
  expect(seen.latest.approvals).toEqual([question])
  await act(async () => expect(await seen.latest.answer('q', { decision: 'allow' })).toBe(true))
  await act(async () => expect(await seen.latest.answer('q', { decision: 'deny' })).toBe(false))
  expect(seen.latest.error?.message).toBe('It was answered before')
  client.only().say('permission:resolved', { approvalId: 'q', decision: 'allow', by: 'person' })
  await frames.next()
  expect(seen.latest.approvals).toEqual([])
})

it('useRuns shows the answer to its filter only, more pages on request, and keeps the list when a refresh fails', async () => {
  const waiting = new Map<string, (response: Response) => void>()
  answer = (call) =>
    call.includes('state=queued') ? new Promise((resolve) => waiting.set(call, resolve)) : pageOf(call)
  let isBroken = false
  const pageOf = (call: string) => {
    if (isBroken) return json({ code: 'internal', detail: 'Broken' }, 500)
    const isSecond = call.includes('cursor=c1')
    return json({ runs: [record(isSecond ? 'b' : 'a')], nextCursor: isSecond ? null : 'c1' })
  }
  let filter: Parameters<typeof useRuns>[0] = { state: 'queued' }
  const seen = observed(() => useRuns(filter, { refreshMs: 0 }))
  const page = await mount(within(<seen.Observer />))
  expect(seen.latest).toMatchObject({ runs: [], isLoading: true })
  filter = { state: 'running' }
  await page.render(within(<seen.Observer />))
  await act(async () => {
    for (const resolve of waiting.values()) resolve(json({ runs: [record('old')], nextCursor: null }))
  })
  const ids = () => seen.latest.runs.map(({ id }) => id)
  await expect.poll(() => act(async () => ids())).toEqual(['a'])
  expect(seen.latest).toMatchObject({ hasMore: true, isLoading: false })
  await act(async () => seen.latest.loadMore())
  await expect.poll(() => act(async () => ids())).toEqual(['a', 'b'])
  isBroken = true
  await act(async () => seen.latest.refresh())
  await expect.poll(() => act(async () => seen.latest.error?.message)).toBe('Broken')
  expect(ids()).toEqual(['a', 'b'])
})

describe('the timer of useRuns', () => {
  // Only what the hook's timer runs by; answers take real turns.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  const settle = () =>
    act(async () => {
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve))
    })
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms)
    await settle()
  }

  it('a list that takes longer than a period is not read again right after', async () => {
    let arrive = () => {}
    answer = () =>
      new Promise((resolve) => {
        arrive = () => resolve(json({ runs: [record('a')], nextCursor: null }))
      })
    const seen = observed(() => useRuns({}, { refreshMs: 5000 }))
    await mount(
      <MillraceProvider client={client} schedule={frames.schedule}>
        <seen.Observer />
      </MillraceProvider>,
    )
    await pass(12_000)
    expect(asked).toHaveLength(1)
    await act(async () => arrive())
    await settle()
    expect(seen.latest.runs).toHaveLength(1)
    expect(asked).toHaveLength(1)
    await pass(5000)
    expect(asked).toHaveLength(2)
  })

  it('a list that never arrives is given up and read again', async () => {
    answer = (_call, init) =>
      new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const seen = observed(() => useRuns({}, { refreshMs: 5000 }))
    await mount(
      <MillraceProvider client={client} schedule={frames.schedule}>
        <seen.Observer />
      </MillraceProvider>,
    )
    await pass(29_000)
    expect(asked).toHaveLength(1)
    answer = () => json({ runs: [record('a')], nextCursor: null })
    await pass(6000)
    expect(asked).toHaveLength(2)
    expect(seen.latest).toMatchObject({ runs: [{ id: 'a' }], error: null })
  })

  it('a server that says when to come back is not asked before, unless a person asks', async () => {
    answer = () =>
      new Response(JSON.stringify({ code: 'rate_limited', detail: 'Slower' }), {
        status: 429,
        headers: { 'content-type': 'application/json', 'retry-after': '60' },
      })
    const seen = observed(() => useRuns({}, { refreshMs: 5000 }))
    await mount(
      <MillraceProvider client={client} schedule={frames.schedule}>
        <seen.Observer />
      </MillraceProvider>,
    )
    await settle()
    await pass(55_000)
    expect(asked).toHaveLength(1)
    await act(async () => seen.latest.refresh())
    await settle()
    expect(asked).toHaveLength(2)
    answer = () => json({ runs: [record('a')], nextCursor: null })
    await pass(65_000)
    expect(asked.length).toBeGreaterThan(2)
    expect(seen.latest).toMatchObject({ runs: [{ id: 'a' }], error: null })
  })
})

it('useSession talks to the agent: it sends a message, takes one back, and finishes the session', async () => {
  answer = (call) => {
    if (call === 'POST /api/runs/s1/messages') return json({ messageId: 'm1' }, 202)
    if (call === 'DELETE /api/runs/s1/messages/m1')
      return json({ code: 'message_taken', detail: 'Too late' }, 409)
    return call === 'POST /api/runs/s1/finish' ? json({ run: record('s1') }) : undefined
  }
  const seen = observed(() => useSession('s1'))
  await mount(within(<seen.Observer />))
  await act(async () => expect(await seen.latest.send('Mind the gap', 'steer')).toBe('m1'))
  expect(asked.at(-1)?.body).toEqual({ text: 'Mind the gap', mode: 'steer' })
  const following = client.only('s1')
  following.queued('session')
  following.say('message:queued', { messageId: 'm1', mode: 'steer', text: 'Mind the gap', user: 'ann' })
  following.say('message:delivered', { messageId: 'm1' })
  await frames.next()
  expect(seen.latest.items).toMatchObject([{ kind: 'message', text: 'Mind the gap', status: 'delivered' }])
  await act(async () => expect(await seen.latest.withdraw('m1')).toBe(false))
  expect(seen.latest.error).toMatchObject({ code: 'message_taken' })
  await act(() => seen.latest.finishSession())
  expect(asked.at(-1)?.call).toBe('POST /api/runs/s1/finish')
})
