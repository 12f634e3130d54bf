/** Nobody learns that another's run exists: it is answered like an unknown id. */
import { until } from '@millrace/test-support/until'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRig, post, type Rig } from './support/server.ts'

let rig: Rig
let theirs: string
let theirExternal: string
const nobodys = '5f0d9a3e-7a55-4b0e-9d0c-0f5f4a6d9c11'

beforeAll(async () => {
  rig = await openRig()
  theirs = await rig.job(rig.owner, 'wait')
  await until(async () => (await stateOfTheirs()) === 'running')
  const started = await rig.as(rig.owner, '/api/runs', post({ kind: 'external', title: 'Nightly' }))
  theirExternal = ((await started.json()) as { run: { id: string } }).run.id
})
afterAll(async () => {
  await rig.as(rig.admin, `/api/runs/${theirs}/abort`, { method: 'POST' })
  await rig.stop()
})

async function stateOfTheirs(id = theirs): Promise<string> {
  const response = await rig.as(rig.owner, `/api/runs/${id}`)
  return ((await response.json()) as { run: { state: string } }).run.state
}

/** All of an answer but what differs between any two: the date, the name of the request, the requested id. */
async function answerTo(path: string, init: RequestInit, id: string) {
  // A stream that opens by mistake does not end: that is a failure, too.
  const response = await rig.as(rig.other, path, { ...init, signal: AbortSignal.timeout(5000) })
  const { date: _date, 'x-request-id': _name, ...headers } = Object.fromEntries(response.headers)
  return { status: response.status, headers, body: (await response.text()).replaceAll(id, '<id>') }
}

const doors: [string, (id: string) => [string, RequestInit]][] = [
  ['the run', (id) => [`/api/runs/${id}`, {}]],
  ['its head', (id) => [`/api/runs/${id}`, { method: 'HEAD' }]],
  ['its stream', (id) => [`/api/runs/${id}/events`, {}]],
  ['the head of its stream', (id) => [`/api/runs/${id}/events`, { method: 'HEAD' }]],
  ['its stream after a cursor', (id) => [`/api/runs/${id}/events`, { headers: { 'last-event-id': '1' } }]],
  ['its stream with a bad cursor', (id) => [`/api/runs/${id}/events?after=x`, {}]],
  ['its log as JSON', (id) => [`/api/runs/${id}/events`, { headers: { accept: 'application/json' } }]],
  [
    'a bad page of its log',
    (id) => [`/api/runs/${id}/events?limit=x`, { headers: { accept: 'application/json' } }],
  ],
  ['its output', (id) => [`/api/stream/${id}`, {}]],
  ['its end', (id) => [`/api/runs/${id}/abort`, { method: 'POST' }]],
  ['doing it again', (id) => [`/api/runs/${id}/retry`, { method: 'POST' }]],
  ['a batch of events for it', (id) => [`/api/runs/${id}/events`, post({ events: [] })]],
  ['its end by a producer', (id) => [`/api/runs/${id}/finish`, post({ state: 'completed' })]],
  ['a token for it', (id) => [`/api/runs/${id}/token`, { method: 'POST' }]],
  ['its messages', (id) => [`/api/runs/${id}/messages`, {}]],
  ['a message to its agent', (id) => [`/api/runs/${id}/messages`, post({ text: 'Stop', mode: 'interrupt' })]],
  ['one of its messages', (id) => [`/api/runs/${id}/messages/${nobodys}`, {}]],
  ['taking a message back', (id) => [`/api/runs/${id}/messages/${nobodys}`, { method: 'DELETE' }]],
  [
    'an answer to its question',
    (id) => [`/api/runs/${id}/approvals/${nobodys}`, post({ decision: 'allow' })],
  ],
  ['continuing it', (id) => [`/api/runs/${id}/resume`, post({ prompt: 'Go on' })]],
  ['a fork of it', (id) => [`/api/runs/${id}/fork`, post({ prompt: 'Go on' })]],
  ['its changes', (id) => [`/api/runs/${id}/changes`, {}]],
  ['its end, without a body', (id) => [`/api/runs/${id}/finish`, { method: 'POST' }]],
  ['its end as a session', (id) => [`/api/agent/test/abort/${id}`, { method: 'POST' }]],
  ['its stream as a session', (id) => [`/api/agent/test/stream/${id}`, {}]],
  ['a ticket for it', (id) => ['/api/tickets', post({ path: `/api/runs/${id}/events` })]],
  ['a ticket for its output', (id) => ['/api/tickets', post({ path: `/api/stream/${id}` })]],
]

// Seen failing with `maySee` answering true, and with "not yours" in the message for another's run.
describe('existence', () => {
  it.each(doors)('%s: another user’s run is answered byte for byte like none', async (_name, door) => {
    const [real, none] = [await answerTo(...door(theirs), theirs), await answerTo(...door(nobodys), nobodys)]
    expect(real.status).toBe(404)
    expect(real).toEqual(none)
  })
})

const executionDoors: typeof doors = [
  ...doors,
  ['its progress', (id) => [`/api/agent/stream/${id}`, {}]],
  ['its progress after a cursor', (id) => [`/api/agent/stream/${id}?after=1`, {}]],
  ['its progress, some types of it', (id) => [`/api/agent/stream/${id}?types=thinking`, {}]],
  ['its end as an execution', (id) => [`/api/agent/execute/${id}/cancel`, { method: 'POST' }]],
  ['a ticket for its progress', (id) => ['/api/tickets', post({ path: `/api/agent/stream/${id}` })]],
]

describe('existence of external runs', () => {
  it.each(executionDoors)(
    '%s: another user’s external run is answered byte for byte like none',
    async (_name, door) => {
      const real = await answerTo(...door(theirExternal), theirExternal)
      expect(real.status).toBe(404)
      expect(real).toEqual(await answerTo(...door(nobodys), nobodys))
    },
  )
})

it("no attempt to end another user's run ends it", async () => {
  expect(await stateOfTheirs()).toBe('running')
  expect(await stateOfTheirs(theirExternal)).toBe('running')
})

describe('lists', () => {
  const listed = async (token: string, query = '') => {
    const response = await rig.as(token, `/api/runs${query}`)
    return (await response.json()) as { runs: { id: string; owner: string }[]; nextCursor: string | null }
  }

  // Seen failing with the owner left out of the filter.
  it('lists show a user their own runs and an admin all, with any filter', async () => {
    const mine = await rig.job(rig.other)
    for (const query of ['', '?kind=job', '?project=here', '?limit=200']) {
      expect((await listed(rig.other, query)).runs.map(({ id }) => id)).toEqual([mine])
      const all = (await listed(rig.admin, query)).runs.filter(({ id }) => id !== theirExternal)
      expect(all.map(({ id }) => id)).toEqual([mine, theirs])
    }
    const running = (await listed(rig.other, '?state=running')).runs
    expect(running.filter(({ owner }) => owner !== 'otto')).toEqual([])
  })

  it('lists refuse a query that means nothing', async () => {
    for (const query of ['?owner=', '?user=olga']) {
      expect((await rig.as(rig.other, `/api/runs${query}`)).status).toBe(400)
    }
  })

  it("a list cursor gives access to no one's runs, and its form reveals nothing", async () => {
    for (let n = 0; n < 3; n++) await rig.job(rig.owner)
    const { nextCursor } = await listed(rig.admin, '?limit=2')
    expect(nextCursor).toMatch(/^[\w-]{22}$/)
    const page = await listed(rig.other, `?cursor=${nextCursor}`)
    expect(page.runs.filter(({ owner }) => owner !== 'otto')).toEqual([])
    for (const made of ['1', 'AAAAAAAAAAAAAAAAAAAAAA', `${nextCursor}x`, "' OR 1=1 --"]) {
      const response = await rig.as(rig.other, `/api/runs?cursor=${encodeURIComponent(made)}`)
      expect(response.status).toBe(400)
    }
  })
})

describe('idempotency keys', () => {
  // Seen failing with the key looked up without its owner.
  it('idempotency keys are each user’s own: a key of another user reveals nothing', async () => {
    const start = (token: string, tool: string) =>
      rig.as(
        token,
        '/api/runs',
        post({ kind: 'job', project: 'here', tool }, { 'idempotency-key': 'nightly' }),
      )
    const first = await start(rig.owner, 'hello')
    const other = await start(rig.other, 'environment')
    expect([first.status, other.status]).toEqual([201, 201])
    expect(other.headers.get('idempotent-replayed')).toBeNull()
    const [a, b] = (await Promise.all([first.json(), other.json()])) as {
      run: { id: string; owner: string }
    }[]
    expect(a?.run.id).not.toBe(b?.run.id)
    expect(b?.run.owner).toBe('otto')
    expect((await start(rig.other, 'hello')).status).toBe(409)
  })
})

it('a user who lists the runs of another, or searches for one by its id, gets an empty list; an admin gets the run', async () => {
  const listed = async (who: string, query: string) => {
    const response = await rig.as(who, `/api/runs?${query}`)
    return ((await response.json()) as { runs: { id: string }[] }).runs.map(({ id }) => id)
  }
  const all = await listed(rig.admin, 'limit=200')
  expect(all).toContain(theirs)
  const { run } = (await (await rig.as(rig.owner, `/api/runs/${theirs}`)).json()) as {
    run: { owner: string }
  }
  for (const query of [`owner=${run.owner}`, `q=${theirs}`]) {
    expect(await listed(rig.other, query)).toEqual([])
    expect(await listed(rig.owner, query)).toContain(theirs)
    expect(await listed(rig.admin, query)).toContain(theirs)
    expect(await listed(rig.admin, query)).toEqual(await listed(rig.owner, query))
  }
})
