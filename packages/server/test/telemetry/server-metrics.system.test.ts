import { once } from 'node:events'
import { connect } from 'node:net'
import { until } from '@millrace/test-support/until'
import { expect, it } from 'vitest'
import { figureOf } from './support/figures.ts'
import { type LoggedServer, post, startLoggedServer } from './support/logged-server.ts'

async function scrape(server: LoggedServer): Promise<(series: string) => number | undefined> {
  const response = await server.call('/metrics')
  expect(response.headers.get('content-type')).toContain('text/plain')
  const body = await response.text()
  return (series) => figureOf(body, series)
}

it('after known work the metrics show what was done, down to the last event and byte', async () => {
  const server = await startLoggedServer()
  const runs = [await server.toEnd('two'), await server.toEnd('two'), await server.toEnd('two')]
  const page = await Promise.all(
    runs.map(async ({ id }) => {
      const accept = { headers: { accept: 'application/json' } }
      return (await (await server.call(`/api/runs/${id}/events`, accept)).json()) as {
        events: { type: string; data: unknown }[]
      }
    }),
  )
  const events = page.flatMap((one) => one.events)
  const bytes = events.reduce((sum, { data }) => sum + Buffer.byteLength(JSON.stringify(data)), 0)
  const figure = await scrape(server)

  expect(figure('millrace_runs_created_total{kind="job"}')).toBe(3)
  expect(figure('millrace_runs_ended_total{kind="job",state="completed",outcome="success"}')).toBe(3)
  expect(figure('millrace_runs_ended_total{kind="job",state="errored",outcome="failure"}')).toBe(0)
  expect(figure('millrace_run_queue_wait_seconds_count{kind="job"}')).toBe(3)
  expect(figure('millrace_run_duration_seconds_count{kind="job",state="completed"}')).toBe(3)
  expect(figure('millrace_run_duration_seconds_sum{kind="job",state="completed"}')).toBeGreaterThan(0)
  expect(figure('millrace_runs{kind="job",state="queued"}')).toBe(0)
  expect(figure('millrace_runs{kind="job",state="active"}')).toBe(0)

  expect(figure('millrace_committed_events_total')).toBe(events.length)
  expect(figure('millrace_committed_bytes_total')).toBe(bytes)
  expect(figure('millrace_uncommitted_bytes')).toBe(0)
  expect(figure('millrace_store_status{status="ok"}')).toBe(1)
  // Each run: its creation, its claim, its start, its process, its output, its end.
  expect(figure('millrace_commit_latency_seconds_count')).toBeGreaterThanOrEqual(12)
  const batches = figure('millrace_store_batch_operations_count') ?? 0
  expect(batches).toBeGreaterThan(3)
  expect(figure('millrace_store_batch_operations_sum')).toBeGreaterThanOrEqual(batches)
  expect(figure('millrace_store_batch_duration_seconds_count')).toBe(batches)

  // Every event was sent once, to the one follower of its run.
  expect(figure('millrace_sent_events_total')).toBe(events.length)
  expect(figure('millrace_sent_bytes_total')).toBeGreaterThan(bytes)
  expect(figure('millrace_followers')).toBe(0)
  expect(figure('millrace_feeds')).toBe(0)
  expect(figure('millrace_sandbox_info{boundary="none"}')).toBe(1)
  expect(figure('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0)

  const created = 'method="POST",route="/api/runs",status="201"'
  expect(figure(`millrace_http_request_duration_seconds_count{${created}}`)).toBe(3)
  const streamed = 'method="GET",route="/api/runs/:id/events",status="200"'
  // The three pages of JSON; the three streams are not requests that took long.
  expect(figure(`millrace_http_request_duration_seconds_count{${streamed}}`)).toBe(3)
})

it('the metrics show queued and active runs, followers and resets while there are any', async () => {
  const server = await startLoggedServer({ concurrency: { job: 1 } })
  const working = await server.start('wait')
  for (let n = 0; n < 3; n++) await server.start('two')
  await until(() => server.lines('run started').length === 1)
  const leave = new AbortController()
  const streams = await Promise.all(
    [undefined, '99', 'x'].map((after) =>
      server.call(`/api/runs/${working.id}/events`, {
        signal: leave.signal,
        headers: after === undefined ? {} : { 'Last-Event-ID': after },
      }),
    ),
  )
  let text = ''
  const reader = streams[0]?.body?.getReader()
  while (!text.includes('waiting')) text += new TextDecoder().decode((await reader?.read())?.value)
  const during = await scrape(server)
  expect(during('millrace_runs{kind="job",state="queued"}')).toBe(3)
  expect(during('millrace_runs{kind="job",state="active"}')).toBe(1)
  expect(during('millrace_node_active_runs')).toBe(1)
  expect(during('millrace_followers')).toBe(3)
  expect(during('millrace_feeds')).toBe(1)
  expect(during('millrace_ring_bytes')).toBeGreaterThan(0)
  expect(during('millrace_resets_total')).toBe(2)
  expect(during('millrace_followers_stalled')).toBe(0)
  leave.abort()
  await until(() => server.lines('stream ended').length === 3)
  const after = await scrape(server)
  expect(after('millrace_followers')).toBe(0)
  expect(after('millrace_feeds')).toBe(0)
})

it('every refusal is counted by its code, whichever face or guard it came from', async () => {
  const server = await startLoggedServer({ limits: { startsPerMinute: 2 } })
  const status = async (response: Promise<Response>) => (await response).status
  expect(await status(fetch(`${server.url}/api/runs`))).toBe(401)
  expect(await status(server.call('/api/execute', post({ toolId: 'none', projectId: 'here' })))).toBe(400)
  expect(await status(server.call('/api/runs', post({ kind: 'nothing' })))).toBe(400)
  expect(await status(server.call('/nowhere'))).toBe(404)
  const unknown = '11111111-1111-4111-8111-111111111111'
  expect(await status(server.call(`/api/runs/${unknown}`))).toBe(404)
  const figure = await scrape(server)
  expect(figure('millrace_rejections_total{code="unauthenticated"}')).toBe(1)
  expect(figure('millrace_rejections_total{code="invalid_request"}')).toBe(2)
  expect(figure('millrace_rejections_total{code="not_found"}')).toBe(2)
  expect(figure('millrace_rejections_total{code="rate_limited"}')).toBe(0)
  for (let n = 0; n < 4; n++) await server.start('two')
  // Bytes that are no request, and so have no route.
  const socket = connect(server.port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'))
  socket.resume()
  await once(socket, 'close')
  const later = await scrape(server)
  expect(later('millrace_rejections_total{code="rate_limited"}')).toBeGreaterThan(0)
  expect(later('millrace_rejections_total{code="invalid_request"}')).toBe(3)
  expect(later('millrace_rejections_total{code="internal"}')).toBe(0)
})
