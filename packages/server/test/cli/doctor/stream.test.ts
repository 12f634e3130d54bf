import { createServer, get, type ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkStream, judgeArrivals, judgeHeaders } from '#cli/doctor/stream'
import { listen } from '#test/cli/listen'
import { openStream, scriptedServer } from '#test/cli/scripted-server'

const gapMs = 100
const frames = 8

async function probeServer() {
  return scriptedServer({
    'GET /api/probe/stream': async (response) => {
      openStream(response)
      for (let n = 1; n <= frames; n++) {
        if (n > 1) await new Promise((later) => setTimeout(later, gapMs))
        response.write(`event: probe\ndata: ${JSON.stringify({ n, at: Date.now() })}\n\n`)
      }
      response.end()
    },
  })
}

/** A proxy between a client and `target`; `pass` decides what becomes of the bytes. */
async function proxy(
  target: string,
  pass: (upstream: NodeJS.ReadableStream, response: ServerResponse) => void,
  changed: Record<string, string | undefined> = {},
): Promise<string> {
  const server = createServer((request, response) => {
    const upstream = get(`${target}${request.url}`, { headers: request.headers }, (answer) => {
      const headers = Object.entries({ ...answer.headers, ...changed })
      for (const [name, value] of headers) if (value !== undefined) response.setHeader(name, value)
      response.writeHead(answer.statusCode ?? 502)
      pass(answer, response)
    })
    upstream.on('error', () => response.destroy())
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return listen(server)
}

function collectAll(upstream: NodeJS.ReadableStream, response: ServerResponse): void {
  const chunks: Buffer[] = []
  upstream.on('data', (chunk: Buffer) => chunks.push(chunk))
  upstream.on('end', () => response.end(Buffer.concat(chunks)))
}

describe('a stream that is measured', () => {
  it('a stream straight from the server, or through a proxy that forwards at once, is not called buffered', async () => {
    const server = await probeServer()
    const passing = await proxy(server.url, (upstream, response) => void upstream.pipe(response))
    for (const url of [server.url, passing]) {
      const checks = await checkStream({ url, token: server.token })
      expect(checks.map((check) => check.status)).not.toContain('fail')
      expect(checks.slice(1).map((check) => check.detail)).toEqual([
        'Cache-Control survived',
        'X-Accel-Buffering survived',
      ])
    }
  })

  it('a stream behind a proxy that collects before it sends is called buffered', async () => {
    const server = await probeServer()
    const changed = { 'x-accel-buffering': undefined, 'cache-control': 'public' }
    const url = await proxy(server.url, collectAll, changed)
    const [verdict, cache, accel] = await checkStream({ url, token: server.token })
    expect(verdict).toMatchObject({ name: 'stream', status: 'fail' })
    expect(verdict?.detail).toMatch(/^buffered: 8 frames arrived together after \d+ ms/)
    expect(cache).toMatchObject({ status: 'warn', detail: expect.stringContaining('became "public"') })
    expect(accel).toMatchObject({ status: 'info' })
  })

  it('without a stream to measure, the check fails with the reason', async () => {
    const server = await scriptedServer({})
    const [missing] = await checkStream({ url: server.url, token: server.token })
    expect(missing).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('is it a Millrace server?'),
    })
    const [refused] = await checkStream({ url: server.url, token: 'wrong' })
    expect(refused).toMatchObject({ status: 'fail', detail: expect.stringContaining('bearer token') })
  })
})

describe('the verdict on arrivals', () => {
  const written = Array.from({ length: 10 }, (_, index) => 1_000_000 + index * 200)
  const judge = (arrive: (index: number) => number) =>
    judgeArrivals(written.map((writtenAt, index) => ({ writtenAt, arrivedAt: arrive(index) })))

  it('the verdict on arrivals needs no common clock', () => {
    expect(judge((index) => 5 + index * 200)).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('0 ms'),
    })
  })

  it('the verdict on arrivals tolerates jitter and latency', () => {
    expect(judge((index) => 700 + index * 200 + (index % 2) * 90).status).toBe('ok')
  })

  it('the verdict on arrivals warns about one hiccup', () => {
    expect(judge((index) => (index === 3 ? 801 : index * 200))).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching(/^uneven: 2 frames arrived together after 201 ms/),
    })
  })

  it.each([
    ['everything at the end', () => 2000, /^buffered: 10 frames arrived together after 1800 ms/],
    ['blocks of five', (index: number) => (index < 5 ? 800 : 1800), /^buffered: 5 frames .* after 800 ms/],
    ['pairs', (index: number) => 200 + Math.floor(index / 2) * 400, /^buffered: 2 frames .* after 200 ms/],
  ])('the verdict on arrivals finds a buffer: %s', (_name, arrive, detail) => {
    expect(judge(arrive)).toMatchObject({ status: 'fail', detail: expect.stringMatching(detail) })
  })

  it('the verdict on arrivals fails on a probe that was cut short', () => {
    expect(judgeArrivals([{ writtenAt: 1, arrivedAt: 1 }])).toMatchObject({ status: 'fail' })
  })
})

describe('the verdict on headers', () => {
  it('the verdict on headers fails on another content type and mentions an encoding', () => {
    const checks = judgeHeaders(
      new Headers({
        'content-type': 'text/html',
        'content-encoding': 'gzip',
        'cache-control': 'no-cache, no-transform',
      }),
    )
    expect(checks.map((check) => check.status)).toEqual(['fail', 'ok', 'info', 'info'])
  })
})
