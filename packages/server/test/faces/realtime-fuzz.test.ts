/** Whatever is posted to the realtime face, the answer is a documented one, and no client is stuck. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { open } from '#test/delivery/support/sse-client'
import { openRig, post, type Rig } from '#test/security/support/server'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.stop())

const full = process.env.MILLRACE_TEST_FULL !== undefined
const patient = { timeout: full ? 600_000 : 120_000 }

const piece = fc.oneof(
  fc.constantFrom(
    'runs/*',
    'projects/*',
    'runs/',
    'PB_CONNECT',
    '?options=',
    '&options=',
    '%',
    '%7B%7D',
    '\r\n',
    '\0',
  ),
  fc.constantFrom(
    '{"query":{"fields":"*"}}',
    '{"query":{"__proto__":1}}',
    '[[[[',
    '\ud800',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const subscription = fc.oneof(
  fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
  fc
    .tuple(piece, fc.jsonValue())
    .map(
      ([topic, options]) => `${topic}?options=${encodeURIComponent(JSON.stringify(options).toWellFormed())}`,
    ),
  fc
    .tuple(piece, fc.dictionary(piece, fc.jsonValue(), { maxKeys: 3 }))
    .map(
      ([topic, query]) => `${topic}?options=${encodeURIComponent(JSON.stringify({ query }).toWellFormed())}`,
    ),
  fc.nat(3000).map((length) => 'x'.repeat(length)),
)
const list = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(fc.oneof({ weight: 9, arbitrary: subscription }, fc.jsonValue()), { maxLength: 6 }),
  },
  { weight: 1, arbitrary: fc.nat(1200).map((length) => Array.from({ length }, String)) },
  { weight: 1, arbitrary: fc.jsonValue() },
)

/** A body with the client's own id, another one, or none. */
const body = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({ clientId: fc.constant('<own>'), subscriptions: list })
      .map((one) => JSON.stringify(one)),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ clientId: fc.jsonValue(), subscriptions: list }, { requiredKeys: [] })
      .map((one) => JSON.stringify(one)),
  },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)

it(
  "any body is answered with 204, 400 or 404 in the face's shape, and the client continues",
  patient,
  async () => {
    const stream = await open(`${rig.url}/api/realtime`)
    await stream.until(({ frames }) => frames.length > 0)
    const id = stream.frames[0]?.id ?? ''
    const send = (text: string) =>
      fetch(`${rig.url}/api/realtime`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: rig.owner },
        body: text,
      })
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const response = await send(text.replace('<own>', id))
        const answer = await response.text()
        expect([204, 400, 404]).toContain(response.status)
        if (response.status === 204) expect(answer).toBe('')
        else
          expect(JSON.parse(answer)).toEqual({
            data: expect.any(Object),
            message: expect.any(String),
            status: response.status,
          })
      }),
      { numRuns: full ? 5000 : 400 },
    )
    expect(
      (await send(JSON.stringify({ clientId: id, subscriptions: ['still here', 'runs/*'] }))).status,
    ).toBe(204)
    expect(
      (await rig.as(rig.admin, '/api/realtime/publish', post({ topic: 'still here', data: 1 }))).status,
    ).toBe(204)
    const run = await rig.job(rig.owner)
    await stream.until(({ text }) => text.includes('event: still here\ndata: 1\n') && text.includes(run))
    const { frames } = stream
    expect(frames.every((frame) => frame.id === id)).toBe(true)
  },
)

it('two million wrong items, which anyone may send, are answered at once', async () => {
  // Checking every item took five seconds, in which nobody else was served: ten requests exceed a test's time.
  const wrong = `{"clientId":"a","subscriptions":[${'1,'.repeat(2_000_000)}1]}`
  for (let n = 0; n < 10; n++) {
    const response = await fetch(`${rig.url}/api/realtime`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: wrong,
    })
    expect([response.status, await response.json()]).toEqual([
      400,
      { data: {}, message: 'Something went wrong while processing your request.', status: 400 },
    ])
  }
})

it('any JSON published to any valid topic is one message of one line', patient, async () => {
  const stream = await open(`${rig.url}/api/realtime`)
  await stream.until(({ frames }) => frames.length > 0)
  const clientId = stream.frames[0]?.id
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constant('topic'), piece), fc.jsonValue(), async (topic, data) => {
      const sent = await rig.as(rig.admin, '/api/realtime/publish', post({ topic, data }))
      expect([204, 400]).toContain(sent.status)
      if (sent.status !== 204) return
      const followed = await rig.as(rig.owner, '/api/realtime', post({ clientId, subscriptions: [topic] }))
      expect(followed.status).toBe(204)
      const before = stream.frames.length
      await rig.as(rig.admin, '/api/realtime/publish', post({ topic, data }))
      await stream.until(({ frames }) => frames.length > before)
      const frame = stream.frames.at(-1)
      expect([frame?.event, JSON.parse(frame?.data ?? '')]).toEqual([topic, JSON.parse(JSON.stringify(data))])
    }),
    { numRuns: full ? 1000 : 60 },
  )
})
