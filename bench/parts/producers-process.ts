/**
 * producers-process.ts <port> <token> <pid> <producers> <seconds>: programs that send batches of ten events at a steady
 * pace, each on a connection of its own with the token of its run. A batch is due at its time, whether the one before was answered or not, and its latency counts from then.
 */
import { Agent } from 'node:http'
import { KeptConnection } from '../load/kept-connection.ts'
import { Latencies } from '../load/latencies.ts'
import { cpuSeconds } from '../measure/proc.ts'
import { nowMicros } from '../printer/marker.ts'
import { eventJson } from './appending.ts'
import { begin, check, tokenOf } from './producing.ts'

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

interface Acknowledged {
  firstSeq: number
  lastSeq: number
  duplicate: boolean
}

/** Resolves with how many events were acknowledged. */
async function produce({ id, token }: { id: string; token: string }, startAt: number): Promise<number> {
  const connection = new KeptConnection(server.port, token)
  const path = `/api/runs/${id}/events`
  const send = async (json: string): Promise<Acknowledged> => {
    const { status, body } = await connection.post(path, json)
    if (status !== 200) throw new Error(`a batch was refused: ${status} ${body}`)
    return JSON.parse(body) as Acknowledged
  }
  for (let seq = 0; ; seq++) {
    const due = startAt + seq * everyMs
    await until(due)
    if (over) {
      connection.close()
      return seq * batchEvents
    }
    const dueMicros = nowMicros() - (performance.now() - due) * 1000
    const batch = batchJson(seq)
    const answer = await send(batch)
    if (answer.duplicate) throw new Error(JSON.stringify(answer))
    latencies.record(nowMicros() - dueMicros)
    acknowledged += batchEvents
    if (seq % repeatEvery !== repeatEvery - 1) continue
    const again = await send(batch)
    const same = again.firstSeq === answer.firstSeq && again.lastSeq === answer.lastSeq
    if (!again.duplicate || !same) throw new Error(JSON.stringify({ answer, again }))
  }
}

function batchJson(seq: number): string {
  let events = ''
  for (let n = seq * batchEvents + 1; n <= (seq + 1) * batchEvents; n++) {
    events += `${events === '' ? '' : ','}{"type":"output","data":${eventJson(n)}}`
  }
  return `{"events":[${events}],"producer":"bench","seq":${seq}}`
}

function until(at: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))
}

const runs: { id: string; token: string }[] = []
for (let n = 0; n < Number(producers); n++) {
  const id = await begin(server, agent, n)
  runs.push({ id, token: await tokenOf(server, agent, id) })
}
const startAt = performance.now() + everyMs
// Spread over the interval: programs elsewhere have no common clock.
const all = Promise.all(runs.map((run, n) => produce(run, startAt + (n * everyMs) / runs.length)))
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
for (const [index, { id }] of runs.entries()) {
  const found = await check(server, agent, id, sent[index] ?? 0)
  logs.lost += found.lost
  logs.twice += found.twice
}
agent.destroy()
console.log(JSON.stringify({ ...measured, ...logs }))
