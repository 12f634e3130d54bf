/**
 * Many clients, a fifth of which stop reading: the others get everything, memory stays flat, and all are
 * forgotten when they leave. 250 of them; 5,000 in the full test, where delays of the two phases are compared too.
 */
import { connect as connectSocket, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRig, post, type Rig } from '#test/security/support/server'

const full = process.env.MILLRACE_TEST_FULL !== undefined
const crowd = full ? 5000 : 250
const rounds = full ? 40 : 20
const padding = 'x'.repeat(2000)

let rig: Rig
beforeAll(async () => {
  rig = await openRig({
    config: { limits: { streamsPerUser: 20_000, streamsPerAddress: 20_000, streams: 20_000 } },
  })
})
afterAll(() => rig.stop())

/** A client that records only how often, and how late, it received each message. */
class Watcher {
  id = ''
  readonly got: number[] = []
  readonly delays: number[] = []
  ended = false
  readonly socket: Socket
  #rest = ''
  #changed: () => void = () => {}

  constructor(port: number) {
    this.socket = connectSocket(port, '127.0.0.1')
    this.socket.setEncoding('utf8')
    this.socket.write('GET /api/realtime HTTP/1.1\r\nHost: localhost\r\n\r\n')
    this.socket.on('data', (text: string) => this.#read(text))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.ended = true
      this.#changed()
    })
  }

  #read(text: string): void {
    this.#rest += text
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const connected = /^data: \{"clientId":"([^"]+)"\}/.exec(line)?.[1]
      if (connected !== undefined) this.id = connected
      const [, round, at] = /^data: \{"round":(\d+),"at":(\d+)/.exec(line) ?? []
      if (round === undefined) continue
      this.got.push(Number(round))
      this.delays.push(Date.now() - Number(at))
    }
    this.#changed()
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.ended) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }
}

async function publishRounds(from: number, count: number, readers: readonly Watcher[]): Promise<void> {
  for (let round = from; round < from + count; round++) {
    await rig.as(
      rig.admin,
      '/api/realtime/publish',
      post({ topic: 'all', data: { round, at: Date.now(), padding } }),
    )
    await Promise.all(readers.map((reader) => reader.until(() => reader.got.at(-1) === round)))
  }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in use by server and clients, one process here. Buffers are released a while after they become garbage. */
function memory(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The minimum of a few samples, since messages under way count too. */
async function settledMemory(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < 5; n++) {
    least = Math.min(least, memory())
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return least
}

const p99 = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0

it(`${crowd} clients, of which a fifth stop reading: the others get everything, and all are forgotten`, async () => {
  const watchers: Watcher[] = []
  for (let n = 0; n < crowd; n += 100) {
    const some = Array.from({ length: Math.min(100, crowd - n) }, () => new Watcher(rig.port))
    watchers.push(...some)
    await Promise.all(some.map((watcher) => watcher.until(() => watcher.id !== '')))
    const answers = await Promise.all(
      some.map(({ id }) =>
        rig.as(rig.owner, '/api/realtime', post({ clientId: id, subscriptions: ['all', 'runs/*'] })),
      ),
    )
    expect(answers.every(({ status }) => status === 204)).toBe(true)
  }
  expect(await rig.gauge('millrace_realtime_clients')).toBe(crowd)
  expect(await rig.gauge('millrace_realtime_subscriptions')).toBe(2 * crowd)

  await publishRounds(0, rounds, watchers)
  const calm = p99(watchers.flatMap(({ delays }) => delays.splice(0)))

  const sleepers = watchers.filter((_, index) => index % 5 === 0)
  const readers = watchers.filter((_, index) => index % 5 !== 0)
  for (const { socket } of sleepers) socket.pause()
  await publishRounds(rounds, rounds / 2, readers)
  const before = await settledMemory()
  await publishRounds(rounds + rounds / 2, rounds / 2, readers)
  // Half of what these rounds sent: none of it is kept. The test's own counters are part of the rest.
  await expect.poll(memory).toBeLessThan(before + (crowd * (rounds / 2) * padding.length) / 2)
  const crowded = p99(readers.flatMap(({ delays }) => delays.splice(0)))
  for (const { got } of readers) expect(got).toEqual(Array.from({ length: 2 * rounds }, (_, n) => n))
  // Tolerates the noise of a shared machine: the failure to catch is a crowd that waits for its sleepers.
  if (full) expect(crowded).toBeLessThan(2 * calm + 250)

  // More than the system's own buffers hold per connection, so that clients do fall behind.
  const heavy = { topic: 'all', data: { round: -1, padding: 'y'.repeat(400_000) } }
  const [first = new Watcher(rig.port)] = sleepers
  const one = await rig.as(rig.admin, '/api/realtime/publish', post(heavy))
  expect(one.status).toBe(204)
  for (const sleeper of sleepers.slice(1)) sleeper.socket.destroy()
  for (const reader of readers.slice(1)) reader.socket.destroy()
  await expect.poll(() => rig.gauge('millrace_realtime_clients')).toBe(2)
  for (let n = 0; n < 400 && (await rig.gauge('millrace_realtime_overflows_total')) === 0; n++) {
    await rig.as(rig.admin, '/api/realtime/publish', post(heavy))
    expect(await rig.gauge('millrace_realtime_pending_bytes')).toBeLessThan(10 * 1024 * 1024)
  }
  expect(await rig.gauge('millrace_realtime_overflows_total')).toBe(1)
  await expect.poll(() => rig.gauge('millrace_realtime_clients')).toBe(1)
  first.socket.destroy()
  readers[0]?.socket.destroy()
  await expect.poll(() => rig.gauge('millrace_realtime_clients')).toBe(0)
  expect(await rig.gauge('millrace_realtime_subscriptions')).toBe(0)
  expect(await rig.gauge('millrace_realtime_pending_bytes')).toBe(0)
}, 240_000)
