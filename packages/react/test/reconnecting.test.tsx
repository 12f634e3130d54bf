/** The hooks over the real client: attempts, giving up, and trying again. */
import { type Clock, createClient } from '@millrace/client'
import { expect, it } from 'vitest'
import { MillraceProvider } from '#provider'
import { useRun } from '#runs/use-run'
import { mount, observed, strictly } from './support/mount.tsx'
import { Frames, json } from './support/scripted-client.ts'

/** Pauses between attempts take no time; a silence is never too long. */
const hurried: Clock = {
  now: () => 0,
  random: () => 0.5,
  after: (ms, callback) => {
    if (ms >= 60_000) return () => {}
    const timer = setTimeout(callback)
    return () => clearTimeout(timer)
  },
}

const frame = (seq: number, type: string, data: object) =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`

it('after five failed attempts the status is failed, and retry continues from the last event', async () => {
  let isDown = false
  let attempts = 0
  let cut = () => {}
  const cursors: (string | null)[] = []
  const client = createClient({
    url: 'http://millrace.test',
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers)
      if (headers.get('accept') !== 'text/event-stream') return json({}, 404)
      attempts += 1
      if (isDown) throw new TypeError('connection refused')
      cursors.push(headers.get('last-event-id'))
      const after = Number(headers.get('last-event-id') ?? 0)
      const log = [
        frame(1, 'run:queued', { kind: 'job' }),
        frame(2, 'output', { line: 'before', stream: 'stdout' }),
        frame(3, 'output', { line: 'after', stream: 'stdout' }),
      ]
      const until = after === 0 ? 2 : 3
      const stream = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode(log.slice(after, until).join('')))
          cut = () => controller.error(new TypeError('connection reset'))
        },
      })
      expect(String(url)).toContain('/api/runs/r1/events')
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  const frames = new Frames()
  const seen = observed(() => useRun('r1', { kind: 'job' }))
  await mount(
    strictly(
      <MillraceProvider client={client} schedule={frames.schedule} follow={{ clock: hurried }}>
        <seen.Observer />
      </MillraceProvider>,
    ),
  )
  const statuses: string[] = []
  const status = async () => {
    await frames.next()
    if (statuses.at(-1) !== seen.latest.status) statuses.push(seen.latest.status)
    return seen.latest.status
  }
  await expect.poll(async () => [await status(), seen.latest.view?.head]).toEqual(['open', 2])
  isDown = true
  attempts = 0
  cut()
  await expect.poll(status).toBe('failed')
  expect(attempts).toBe(5)
  expect(seen.latest.error).toMatchObject({ code: 'gave_up' })
  isDown = false
  seen.latest.retry()
  await expect.poll(async () => [await status(), seen.latest.view?.head]).toEqual(['open', 3])
  expect(seen.latest.error).toBeNull()
  expect(seen.latest.view?.lines.tail.map(({ text }) => text)).toEqual(['before', 'after'])
  expect(cursors).toEqual([null, '2'])
})
