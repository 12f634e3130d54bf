/** The record of a followed run: failures that pass are tried again, and those that do not are final. */
import { ClientError } from '@millrace/client'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { act } from 'react'
import { expect, it } from 'vitest'
import { MillraceProvider } from '#provider'
import { useRun } from '#runs/use-run'
import { mount, observed } from './support/mount.tsx'
import { Frames, json, scriptedClient } from './support/scripted-client.ts'

type Answer = (init?: RequestInit) => Response | Promise<Response>

/** A page that shows a run. `answers` are given in turn; the last one stays. */
async function showing(...answers: Answer[]) {
  const time = new ManualClock()
  const clock = { now: time.now, after: time.after, random: () => 1 }
  let asked = 0
  const client = scriptedClient(async (_url, init) => {
    const answer = answers[Math.min(asked, answers.length - 1)]
    asked += 1
    if (answer === undefined) throw new Error('no answer')
    return answer(init)
  })
  const frames = new Frames()
  const seen = observed(() => useRun('r1'))
  const page = await mount(
    <MillraceProvider client={client} schedule={frames.schedule} follow={{ clock }}>
      <seen.Observer />
    </MillraceProvider>,
  )
  const settle = async () => {
    // An answer in JSON takes a few turns.
    await act(async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve))
    })
    await frames.next()
  }
  return {
    seen,
    page,
    time,
    answers,
    following: client.only(),
    settle,
    get asked() {
      return asked
    },
    async pass(ms: number) {
      await time.advance(ms)
      await settle()
    },
  }
}

const record = (state: string) => () => json({ run: { id: 'r1', kind: 'job', state } })
const problem =
  (status: number, code: string, headers: Record<string, string> = {}) =>
  () =>
    new Response(JSON.stringify({ code, detail: 'Refused' }), {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    })
const broken = () => Promise.reject(new TypeError('connection refused'))

it('a record that could not be fetched is fetched again, after waits that grow', async () => {
  const shown = await showing(
    broken,
    problem(503, 'draining'),
    () => new Response('<html>'),
    record('running'),
  )
  await shown.settle()
  expect([shown.asked, shown.seen.latest.run]).toEqual([1, null])
  await shown.pass(999)
  expect(shown.asked).toBe(1)
  await shown.pass(1)
  expect(shown.asked).toBe(2)
  await shown.pass(1999)
  expect(shown.asked).toBe(2)
  await shown.pass(1)
  expect(shown.asked).toBe(3)
  await shown.pass(4000)
  expect([shown.asked, shown.seen.latest.run?.state]).toEqual([4, 'running'])
  await shown.pass(600_000)
  expect(shown.asked).toBe(4)
})

it('a server that says when to come back is not asked for the record before', async () => {
  const shown = await showing(problem(429, 'too_many_requests', { 'retry-after': '20' }), record('running'))
  await shown.settle()
  await shown.pass(19_999)
  expect(shown.asked).toBe(1)
  await shown.pass(1)
  expect(shown.seen.latest.run?.state).toBe('running')
})

it.each([
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not_found'],
])('a record that is refused with %i is asked for again only by retry()', async (status, code) => {
  const shown = await showing(problem(status, code), record('running'))
  await shown.settle()
  await act(async () => {
    shown.following.become('reconnecting')
    shown.following.become('open')
  })
  await shown.pass(600_000)
  expect([shown.asked, shown.seen.latest.run]).toEqual([1, null])
  shown.seen.latest.retry()
  await shown.settle()
  expect([shown.asked, shown.seen.latest.run?.state]).toEqual([2, 'running'])
})

it('a connection that is open again fetches a missing record at once, and one that arrived not at all', async () => {
  const shown = await showing(broken, record('running'))
  await shown.settle()
  shown.following.become('open')
  await shown.settle()
  expect([shown.asked, shown.seen.latest.run?.state]).toEqual([2, 'running'])
  shown.following.become('reconnecting')
  shown.following.become('open')
  shown.seen.latest.retry()
  await shown.pass(600_000)
  expect(shown.asked).toBe(2)
})

it('while following is given up, the record is not asked for, and retry() asks for both', async () => {
  const shown = await showing(broken)
  await shown.settle()
  shown.following.become('failed', new ClientError('gave_up', 'Gave up'))
  await shown.pass(600_000)
  expect(shown.asked).toBe(1)
  shown.answers.push(record('running'))
  shown.seen.latest.retry()
  await shown.settle()
  expect([shown.asked, shown.following.retries, shown.seen.latest.run?.state]).toEqual([2, 1, 'running'])
})

it('the record of a run that has ended is fetched until it says so, and never in a tight loop', async () => {
  const shown = await showing(record('running'))
  shown.following.queued('job')
  await shown.settle()
  shown.following.say('complete', { exitCode: 0 })
  await shown.settle()
  expect([shown.asked, shown.seen.latest.view?.state]).toEqual([2, 'completed'])
  await shown.pass(1000)
  expect(shown.asked).toBe(3)
  shown.answers.push(record('completed'))
  await shown.pass(2000)
  expect(shown.seen.latest.run?.state).toBe('completed')
})

it('a record that arrives after the end of its run was seen, but was asked for before, is asked for once more', async () => {
  let arrive = (_: Response) => {}
  const late = () =>
    new Promise<Response>((resolve) => {
      arrive = resolve
    })
  const shown = await showing(late, record('completed'))
  shown.following.queued('job')
  shown.following.say('complete', { exitCode: 0 })
  await shown.settle()
  expect(shown.asked).toBe(1)
  arrive(record('running')())
  await shown.settle()
  expect([shown.asked, shown.seen.latest.run?.state]).toEqual([2, 'completed'])
})

it('a request for the record that is never answered is given up, and made again', async () => {
  const never: Answer = (init) =>
    new Promise((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
    })
  const shown = await showing(never, record('running'))
  await shown.pass(29_999)
  expect(shown.asked).toBe(1)
  await shown.pass(1)
  await shown.pass(1000)
  expect([shown.asked, shown.seen.latest.run?.state]).toEqual([2, 'running'])
  expect(shown.time.pending).toBe(0)
})

it('the record is read again after a reset, since the log of a restored server is another one', async () => {
  const shown = await showing(record('completed'), record('running'))
  shown.following.queued('job')
  await shown.settle()
  expect(shown.seen.latest.run?.state).toBe('completed')
  shown.following.reset({ reason: 'epoch', firstSeq: 1, head: 1 })
  shown.following.queued('job')
  await shown.settle()
  expect([shown.asked, shown.seen.latest.run?.state]).toEqual([2, 'running'])
})

it('a component that leaves while its record is waited for leaves no timer behind', async () => {
  const shown = await showing(broken)
  await shown.settle()
  expect(shown.time.pending).toBe(1)
  await shown.page.unmount()
  expect(shown.time.pending).toBe(0)
  await shown.pass(600_000)
  expect(shown.asked).toBe(1)
})

it('events whose beginning was pruned are shown as of the right kind, also when the first fetch of the record fails', async () => {
  const shown = await showing(broken, record('running'))
  shown.following.reset({ reason: 'pruned', firstSeq: 7, head: 8 })
  shown.following.say('output', { line: 'kept', stream: 'stderr' })
  await shown.settle()
  expect(shown.seen.latest.view).toBeNull()
  await shown.pass(1000)
  expect(shown.seen.latest.view).toMatchObject({ kind: 'job', head: 7 })
})
