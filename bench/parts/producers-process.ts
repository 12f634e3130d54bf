/**
 * producers-process.ts <port> <token> <pid> <producers> <seconds>: programs that send batches of ten events at a steady
 * pace. A batch is due at its time, whether the one before was answered or not, and its latency counts from then.
 */
import { Agent } from 'node:http'
import { Latencies } from '../load/latencies.ts'
import { cpuSeconds } from '../measure/proc.ts'
import { nowMicros } from '../printer/marker.ts'
import { eventJson } from './appending.ts'
import { begin, call, check } from './producing.ts'

const [port = '0', token = '', pid = '0', producers = '1', seconds = '1'] = process.argv.slice(2)
const server = { port: Number(port), token }
const agent = new Agent({ keepAlive: true, maxSockets: Number(producers) })

const batchEvents = 10
const everyMs = 100
const warmUpMs = 2000
/** Every 50th batch is sent a second time, as by a producer that was not answered. */
const repeatEvery = 50

const latencies = new Latencies()
let acknowledged = 0
let over = false

/** Resolves with how many events were acknowledged. */
async function produce(id: string, startAt: number): Promise<number> {
  for (let seq = 0; ; seq++) {
    const due = startAt + seq * everyMs
    await until(due)
    if (over) return seq * batchEvents
    const dueMicros = nowMicros() - (performance.now() - due) * 1000
    const events = Array.from({ length: batchEvents }, (_, n) => ({
      type: 'output',
      data: JSON.parse(eventJson(seq * batchEvents + n + 1)) as object,
    }))
    const batch = { events, producer: 'bench', seq }
    const answer = await call(server, agent, 'POST', `/api/runs/${id}/events`, batch)
    if (answer.status !== 200 || answer.body.duplicate !== false) throw new Error(JSON.stringify(answer))
    latencies.record(nowMicros() - dueMicros)
    acknowledged += batchEvents
    if (seq % repeatEvery !== repeatEvery - 1) continue
    const again = await call(server, agent, 'POST', `/api/runs/${id}/events`, batch)
    const same = again.body.firstSeq === answer.body.firstSeq && again.body.lastSeq === answer.body.lastSeq
    if (again.body.duplicate !== true || !same) throw new Error(JSON.stringify({ answer, again }))
  }
}

function until(at: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))
}

const ids: string[] = []
for (let n = 0; n < Number(producers); n++) ids.push(await begin(server, agent, n))
const startAt = performance.now() + everyMs
// Spread over the interval: programs elsewhere have no common clock.
const all = Promise.all(ids.map((id, n) => produce(id, startAt + (n * everyMs) / ids.length)))
await until(startAt + warmUpMs)
latencies.clear()
const before = { at: performance.now(), cpu: cpuSeconds([Number(pid)]), acknowledged }
await Promise.race([all, until(performance.now() + Number(seconds) * 1000)])
const events = acknowledged - before.acknowledged
const measured = {
  perSecond: (events * 1000) / (performance.now() - before.at),
  cpuMicros: ((cpuSeconds([Number(pid)]) - before.cpu) * 1e6) / (events / batchEvents),
  p50: latencies.quantile(0.5),
  p99: latencies.quantile(0.99),
}
over = true
const sent = await all
const logs = { lost: 0, twice: 0 }
for (const [index, id] of ids.entries()) {
  const found = await check(server, agent, id, sent[index] ?? 0)
  logs.lost += found.lost
  logs.twice += found.twice
}
agent.destroy()
console.log(JSON.stringify({ ...measured, ...logs }))
