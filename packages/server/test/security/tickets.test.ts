/** Tickets: one path, one connection at a time, and dead with the credential they come from. */
import { until } from '@millrace/test-support/until'
import { EventSource } from 'eventsource'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createToken } from '#auth/tokens'
import { bearer, type Followed, follow } from './support/follow.ts'
import { openRig, post, type Rig } from './support/server.ts'

let rig: Rig
/** A run of the owner that does not end by itself, and its stream. */
let run: string
let path: string
const open: Followed[] = []

beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.stop())
beforeEach(async () => {
  run = await rig.job(rig.owner, 'wait')
  path = `/api/stream/${run}`
})
afterEach(async () => {
  vi.useRealTimers()
  for (const stream of open.splice(0)) stream.close()
  await abort(run)
})

const abort = (id: string) => rig.as(rig.admin, `/api/runs/${id}/abort`, { method: 'POST' })

async function ticketFor(wanted: string, token = rig.owner): Promise<string> {
  const response = await rig.as(token, '/api/tickets', post({ path: wanted }))
  expect(response.status).toBe(201)
  return ((await response.json()) as { ticket: string }).ticket
}

async function use(ticket: string, at = path, headers: Record<string, string> = {}): Promise<Followed> {
  const stream = await follow(`${rig.url}${at}?ticket=${ticket}`, headers)
  open.push(stream)
  return stream
}

/** Only the date moves; timers and sockets stay real. */
function later(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(Date.now() + ms)
}

describe('a ticket opens one stream', () => {
  it('a ticket opens a stream by its address alone, and states by when it must be used', async () => {
    const before = Date.now()
    const response = await rig.as(rig.owner, '/api/tickets', post({ path }))
    const { ticket, expiresAt } = (await response.json()) as { ticket: string; expiresAt: number }
    expect(expiresAt).toBeGreaterThanOrEqual(before + 60_000)
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 60_000)
    const stream = await use(ticket)
    expect(stream.status).toBe(200)
    await stream.has(3)
  })

  // Seen failing with the comparison of paths taken out of Authenticator.ticket.
  it('a ticket opens no other path: not the same run on another face, another run, or any other route', async () => {
    const ticket = await ticketFor(path)
    const another = await rig.job(rig.owner)
    const elsewhere = [
      `/api/runs/${run}/events`,
      `/api/runs/${run}`,
      `/api/stream/${another}`,
      '/api/runs',
      '/api/server',
      '/api/probe/stream',
      `${path}/`,
      path.replace('stream', '%73tream'),
    ]
    for (const one of elsewhere) {
      const { status } = await use(ticket, one)
      expect([one, [401, 404].includes(status)]).toEqual([one, true])
    }
    expect((await use(ticket)).status).toBe(200)
  })

  // Seen failing with the kind not compared in lookUp.
  it('a ticket is no bearer token, cookie or login code, and creates no other ticket', async () => {
    const ticket = await ticketFor(path)
    expect((await rig.as(ticket, path)).status).toBe(401)
    expect((await rig.as(ticket, '/api/tickets', post({ path }))).status).toBe(401)
    expect((await fetch(`${rig.url}/api/tickets?ticket=${ticket}`, post({ path }))).status).toBe(401)
    expect((await fetch(`${rig.url}/login?code=${ticket}`, { redirect: 'manual' })).status).toBe(401)
    const cookie = `millrace_${rig.port}=${ticket}`
    expect((await fetch(`${rig.url}/api/runs`, { headers: { cookie } })).status).toBe(401)
    expect((await use(ticket)).status).toBe(200)
  })

  it('no other credential is accepted in an address', async () => {
    const cookie = (await rig.cookie('olga')).split('=')[1] ?? ''
    for (const secret of [rig.owner, rig.admin, cookie]) {
      for (const name of ['ticket', 'token', 'access_token', 'authorization', 'code', 'bearer']) {
        const { status } = await follow(`${rig.url}${path}?${name}=${secret}`)
        expect([name, status]).toEqual([name, 401])
      }
    }
    const ticket = await ticketFor(path)
    expect((await follow(`${rig.url}${path}?ticket=${ticket}&ticket=${ticket}`)).status).toBe(401)
  })

  it('tickets are issued for streams of runs that the caller may see, and for nothing else', async () => {
    for (const [wanted, status] of [
      ['/api/runs', 400],
      ['/api/probe/stream', 400],
      ['/metrics', 400],
      ['https://evil.example/api/stream/x', 400],
      [`/api/stream/${run}/../x`, 400],
      ['', 400],
      ['/api/stream/a\r\nSet-Cookie: x', 404],
      [`/api/stream/00000000-0000-4000-8000-000000000000`, 404],
    ] as const) {
      const response = await rig.as(rig.owner, '/api/tickets', post({ path: wanted }))
      expect([wanted, response.status]).toEqual([wanted, status])
    }
    expect((await rig.as(rig.other, '/api/tickets', post({ path }))).status).toBe(404)
  })
})

describe('a ticket ends', () => {
  // Seen failing with ticketFirstUseMs at an hour.
  it('an unused ticket ends after sixty seconds', async () => {
    const [early, late] = [await ticketFor(path), await ticketFor(path)]
    later(59_000)
    expect((await use(early)).status).toBe(200)
    later(1001)
    expect((await use(late)).status).toBe(401)
  })

  it('a used ticket does not end by time: it reopens its path where the reader left off', async () => {
    const ticket = await ticketFor(path)
    const first = await use(ticket)
    await first.has(3)
    first.close()
    later(3_600_000)
    const second = await use(ticket, path, { 'last-event-id': '2' })
    expect(second.status).toBe(200)
    await second.has(1)
    expect(second.events[0]?.id).toBe('3')
  })

  // Seen failing with ended streams left open in OpenStreams.#end.
  it('a ticket that is used again ends its older connection', async () => {
    const ticket = await ticketFor(path)
    const [first, bystander] = [await use(ticket), await follow(rig.url + path, bearer(rig.owner))]
    open.push(bystander)
    const figures = async () => (await rig.as(rig.admin, '/metrics')).text()
    const cut = async () => Number(/streams_cut_total\{reason="ticket"\} (\d+)/.exec(await figures())?.[1])
    const before = await cut()
    const second = await use(ticket)
    expect(second.status).toBe(200)
    await first.over
    expect(await cut()).toBe(before + 1)
    await second.has(3)
    expect(await Promise.race([bystander.over, second.over, 'open'])).toBe('open')
  })

  it('a ticket and its streams end with the credential it was made from', async () => {
    const { token, credential } = await createToken(
      rig.file,
      { user: 'olga', admin: false, ttlMs: null },
      Date.now(),
    )
    const ticket = await ticketFor(path, token)
    const stream = await use(ticket)
    await rig.file.revoke(credential.id, Date.now())
    await stream.over
    expect((await use(ticket)).status).toBe(401)
  })

  it('a ticket ends with the log-out of the browser it was made in', async () => {
    const cookie = await rig.cookie('olga')
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const made = await fetch(`${rig.url}/api/tickets`, post({ path }, headers))
    const { ticket } = (await made.json()) as { ticket: string }
    const stream = await use(ticket)
    expect((await fetch(`${rig.url}/api/logout`, { method: 'POST', headers })).status).toBe(204)
    await stream.over
    expect((await use(ticket)).status).toBe(401)
  })

  it('a ticket ends with its run: the reader gets the rest and a 204, and nobody starts over', async () => {
    const ticket = await ticketFor(path)
    const stream = await use(ticket)
    await stream.has(3)
    await abort(run)
    expect(await stream.over).toBe('end')
    const last = stream.events.at(-1)?.id ?? ''
    expect((await use(ticket, path, { 'last-event-id': String(Number(last) - 1) })).status).toBe(200)
    expect((await use(ticket, path, { 'last-event-id': last })).status).toBe(204)
    expect((await use(ticket)).status).toBe(401)
  })

  // Failed before: as JSON the whole log stayed open to it, for thirty days.
  it('a ticket ends with its run for pages of JSON too', async () => {
    path = `/api/runs/${run}/events`
    const ticket = await ticketFor(path)
    const page = (after: string) =>
      fetch(`${rig.url}${path}?ticket=${ticket}${after}`, { headers: { accept: 'application/json' } })
    expect((await page('')).status).toBe(200)
    await abort(run)
    await until(async () => (await page('')).status === 401)
    const rest = (await (await page('&after=3')).json()) as { closed: boolean }
    expect(rest.closed).toBe(true)
    later(600_001)
    expect((await page('&after=3')).status).toBe(401)
  })

  // Failed before: anyone who found the address in a log could read the whole run for thirty days.
  it('a ticket ends for good ten minutes after its run, with any cursor', async () => {
    const ticket = await ticketFor(path)
    await (await use(ticket)).has(3)
    await abort(run)
    later(600_001)
    for (const id of ['0', '1', '4']) {
      expect((await use(ticket, path, { 'last-event-id': id })).status).toBe(401)
    }
  })
})

describe('an EventSource with nothing but an address', () => {
  // In a browser, from another origin: e2e/security.test.ts.
  it('a plain EventSource with a ticket follows to the end, through a lost connection', async () => {
    const ticket = await ticketFor(path)
    const seen: string[] = []
    const source = new EventSource(`${rig.url}${path}?ticket=${ticket}`)
    for (const type of ['run:queued', 'run:started', 'output', 'error']) {
      source.addEventListener(type, (event) => {
        if (event instanceof MessageEvent) seen.push(event.lastEventId)
      })
    }
    await until(() => seen.length === 3)
    // Somebody else's use of the same ticket takes the connection; the client comes back by itself.
    const thief = await use(ticket)
    await thief.over
    await abort(run)
    await until(() => source.readyState === source.CLOSED)
    expect(seen).toEqual(['1', '2', '3', '4'])
  })
})
