import { join } from 'node:path'
import { temporaryFolder } from '@millrace/test-support/folders'
import { until } from '@millrace/test-support/until'
import { expect, it } from 'vitest'
import { post, startLoggedServer } from './support/logged-server.ts'

it('a run has one log line when it is queued, one when its work starts, and one when it is over', async () => {
  const server = await startLoggedServer()
  const { id: run, head } = await server.toEnd('two')
  const kind = 'job'
  expect(server.lines('run queued')).toMatchObject([{ run, kind, owner: 'admin', project: 'here' }])
  expect(server.lines('run started')).toMatchObject([{ run, kind, attempt: 1, queuedMs: expect.any(Number) }])
  const [ended, ...more] = server.lines('run ended')
  expect(ended).toMatchObject({
    run,
    kind,
    state: 'completed',
    events: head,
    queuedMs: expect.any(Number),
    durationMs: expect.any(Number),
  })
  expect(ended).not.toHaveProperty('cause')
  expect(more).toEqual([])
})

it('the log line of an end says why (an abort, an abort in the queue, a shutdown), and a repeated request logs nothing', async () => {
  const server = await startLoggedServer({ concurrency: { job: 1 } })
  const first = await server.start('wait')
  const second = await server.start('wait')
  await until(() => server.lines('run started').length === 1)
  for (const id of [second.id, first.id, first.id]) await server.call(`/api/runs/${id}/abort`, post({}))
  expect(server.lines('run ended')).toMatchObject([
    { run: second.id, state: 'aborted', cause: 'abort', durationMs: null },
    { run: first.id, state: 'aborted', cause: 'abort', durationMs: expect.any(Number) },
  ])
  const third = await server.start('wait')
  await until(() => server.lines('run started').length === 2)
  await server.stop()
  expect(server.lines('run ended')[2]).toMatchObject({
    run: third.id,
    state: 'interrupted',
    cause: 'shutdown',
  })
  expect(server.lines('run ended')).toHaveLength(3)
})

it('a start that is repeated with its key is one run, one log line and one count', async () => {
  const server = await startLoggedServer()
  const body = post({ kind: 'job', project: 'here', tool: 'two' })
  const headers = { ...(body.headers as object), 'Idempotency-Key': 'once' }
  for (const status of [201, 201]) {
    expect((await server.call('/api/runs', { ...body, headers })).status).toBe(status)
  }
  expect(server.lines('run queued')).toHaveLength(1)
  const metrics = await (await server.call('/metrics')).text()
  expect(metrics).toContain('millrace_runs_created_total{kind="job"} 1\n')
})

it('a run that waited for the next server is started there, and its whole wait is logged', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const first = await startLoggedServer({ concurrency: { job: 1 } }, { dataDir })
  await first.start('wait')
  const waiting = await first.start('two')
  await first.stop()
  const second = await startLoggedServer({ concurrency: { job: 1 } }, { dataDir })
  const ended = await until(() => second.lines('run ended').find(({ run }) => run === waiting.id))
  expect(ended).toMatchObject({ state: expect.stringMatching(/^(completed|errored)$/) })
  expect(second.lines('run queued')).toEqual([])
})
