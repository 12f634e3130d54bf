/** Questions that wait with no process alive, through a restart and a `kill -9` of the server: each answer makes its call once. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenQuestion, Run } from '@millrace/protocol'
import { carriersOf } from '@millrace/sandbox'
import { placeFor } from '@millrace/test-support/agents'
import { post, type ServerProcess } from '@millrace/test-support/server'
import { expect, it } from 'vitest'

/** Each session starts two processes, which take about a second of a core each. */
const count = Number(process.env.MILLRACE_TEST_PARKED ?? (process.env.MILLRACE_TEST_FULL ? 1000 : 2))
const isMeasured = count > 10
const projects = Array.from({ length: count }, (_, n) => `p${n}`)

/** Says how long the steps of a long form take. */
function stopwatch() {
  let since = performance.now()
  return (step: string) => {
    const seconds = (performance.now() - since) / 1000
    since = performance.now()
    if (isMeasured) console.log(`${count} sessions, ${step}: ${seconds.toFixed(1)} s`)
  }
}

/** Appends, so that a call that is made twice shows. */
const command = `python3 -c "open('made.txt', 'a').write('x')"`

it(`${count} parked sessions wait with no process alive, and each answer after a kill -9 makes its call once`, {
  timeout: 120_000 + count * 15_000,
}, async () => {
  const place = await placeFor({
    projects,
    script: {
      name: 'asks once',
      steps: [
        { when: { toolResult: {} }, reply: { content: [{ type: 'text', text: 'done' }] } },
        { reply: { content: [{ type: 'tool_use', name: 'Bash', input: { command } }] } },
      ],
    },
    config: {
      policy: { approvals: 'on', unreadableBash: 'ask', approvalSeconds: 86_400, parkAfterSeconds: 0 },
    },
  })
  const made = (project: string) => join(place.project(project), 'made.txt')
  const lap = stopwatch()
  let server = await place.start()
  lap('first start of the server')
  const ids = new Map<string, string>()
  for (const project of projects) {
    const body = post({ kind: 'session', project, prompt: 'Go' })
    ids.set(project, (await server.json<{ run: Run }>('/api/runs', body)).run.id)
  }
  for (const id of ids.values()) await untilLogged(server, id, 'run:parked')
  lap('started and parked')
  expect(carriersOf(new Set(ids.values()))).toEqual([])
  expect(await server.end()).toBe(0)
  server = await place.start()
  await server.end('SIGKILL')
  lap('an end, a start and a kill -9')
  server = await place.start()
  lap('the start after it')
  const { approvals } = await server.json<{ approvals: OpenQuestion[] }>('/api/approvals')
  expect(approvals.map(({ runId }) => runId).sort()).toEqual([...ids.values()].sort())
  for (const project of projects) expect(existsSync(made(project))).toBe(false)
  for (const { runId, approvalId } of approvals) {
    const answered = await server.call(
      `/api/runs/${runId}/approvals/${approvalId}`,
      post({ decision: 'allow' }),
    )
    expect(answered.status).toBe(200)
  }
  lap('answered')
  for (const id of ids.values()) await untilLogged(server, id, 'completed')
  lap('each call made and each session over')
  // Not before all are over: a call that is made late shows as well.
  for (const project of projects) expect(readFileSync(made(project), 'utf8')).toBe('x')
  expect(carriersOf(new Set(ids.values()))).toEqual([])
  expect(await server.end()).toBe(0)
})

async function untilLogged(server: ServerProcess, id: string, wanted: string): Promise<void> {
  for (;;) {
    const { events } = await server.json<{ events: { type: string }[] }>(
      `/api/runs/${id}/events?types=${wanted}`,
      { headers: { accept: 'application/json' } },
    )
    if (events.some(({ type }) => type === wanted)) return
    const { run } = await server.json<{ run: Run }>(`/api/runs/${id}`)
    expect(run.state === 'errored' || run.state === 'interrupted', JSON.stringify(run.error)).toBe(false)
    await sleep(100)
  }
}
