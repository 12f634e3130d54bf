import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createGunzip } from 'node:zlib'
import { until } from '@millrace/test-support/until'
import compression from 'compression'
import express from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSSEWriter, type SSEWriter, type SSEWriterOptions } from '#sse/sse-writer'
import { expectNothingLeft } from '#test/delivery/support/leftovers'
import { open } from '#test/delivery/support/sse-client'

expectNothingLeft()

async function listen(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** A plain server whose every response is one writer. */
async function writing(options: SSEWriterOptions = {}): Promise<{ url: string; writers: SSEWriter[] }> {
  const writers: SSEWriter[] = []
  const { url } = await listen((_req, res) => {
    const writer = createSSEWriter(res, options)
    onTestFinished(() => writer.close())
    writers.push(writer)
  })
  return { url, writers }
}

async function one(options: SSEWriterOptions = {}) {
  const { url, writers } = await writing(options)
  const client = await open(url, { headers: { connection: 'keep-alive' } })
  const [writer] = writers
  if (writer === undefined) throw new Error('no writer')
  return { client, writer }
}

describe('on a plain response', () => {
  test('a writer sends its headers at once, before any event', async () => {
    const { client } = await one()
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
  })

  test('a writer numbers its events from 1, and data is one line whatever it holds', async () => {
    const { client, writer } = await one()
    expect(writer.send('text', 'two\r\nlines\n\n')).toBe(true)
    writer.send('nothing', undefined)
    writer.send('object', { a: ['ü', null] })
    await client.until(({ frames }) => frames.length === 3)
    expect(client.text).toBe(
      'id: 1\nevent: text\ndata: "two\\r\\nlines\\n\\n"\n\nid: 2\nevent: nothing\ndata: null\n\nid: 3\nevent: object\ndata: {"a":["ü",null]}\n\n',
    )
  })

  test('no type and no comment of a writer can inject a field', async () => {
    const { client, writer } = await one()
    writer.send('evil\nid: 99\r\n\r\ndata: x\0', 1)
    writer.comment('one\ndata: two\r\nevent: three')
    writer.send('good', 2)
    await client.until(({ text }) => text.includes('event: good'))
    expect(client.text).toBe(
      'id: 1\nevent: evilid: 99data: x\ndata: 1\n\n: one\n: data: two\n: event: three\n\nid: 2\nevent: good\ndata: 2\n\n',
    )
  })

  test('data that is not JSON makes a writer throw, and uses up no number', async () => {
    const { client, writer } = await one()
    expect(() => writer.send('bad', 1n)).toThrow(TypeError)
    writer.send('good', 1)
    await client.until(({ ids }) => ids.length === 1)
    expect(client.ids).toEqual([1])
  })

  test('closing a writer ends the response, and nothing is written after it', async () => {
    const { client, writer } = await one()
    writer.send('a', 1)
    writer.close()
    writer.close()
    expect([writer.closed, writer.send('b', 2), writer.comment('c')]).toEqual([true, false, false])
    await client.end()
    expect([client.ended, client.ids]).toEqual([true, [1]])
  })

  test('a client that leaves closes its writer', async () => {
    const { client, writer } = await one({ heartbeatMs: 5 })
    client.disconnect()
    await until(() => writer.closed)
    expect(writer.send('late', 1)).toBe(false)
  })

  test('a writer sends heartbeats while it sends nothing else, until it is closed', async () => {
    const { client, writer } = await one({ heartbeatMs: 5, heartbeatText: 'ping' })
    await client.until(({ text }) => text.startsWith(': ping\n\n: ping\n\n'))
    writer.close()
    await client.end()
  })

  test('a writer cuts a client that does not read above the bound, and none for one large event', async () => {
    const { client, writer } = await one({ maxBufferedBytes: 100_000, heartbeatMs: 1 })
    writer.send('large', 'x'.repeat(3_000_000))
    await client.until(({ ids }) => ids.length === 1)
    client.response.pause()
    const pad = 'x'.repeat(10_000)
    let sent = 0
    while (writer.send('more', pad)) {
      sent += 1
      if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
      expect(sent).toBeLessThan(5000)
    }
    expect(writer.closed).toBe(true)
    client.response.resume()
    await client.end()
    expect(client.aborted).toBe(true)
  })

  test('a writer of a response that is over is closed', async () => {
    let writer: SSEWriter | undefined
    const { url } = await listen((_req, res) => {
      res.end('done')
      writer = createSSEWriter(res)
    })
    expect((await (await open(url)).end()).text).toBe('done')
    expect([writer?.closed, writer?.send('a', 1)]).toEqual([true, false])
  })
})

test('over HTTP/2 a writer sends the same, without a connection header', async () => {
  const server = createHttp2Server((_req, res) => {
    const writer = createSSEWriter(res as never)
    writer.send('a', 1)
    writer.comment('hello')
    writer.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    client.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const stream = client.request({ ':path': '/' }).setEncoding('utf8')
  let text = ''
  let headers: Record<string, unknown> = {}
  stream.on('response', (got) => {
    headers = got
  })
  stream.on('data', (data) => {
    text += data
  })
  await new Promise((resolve) => stream.once('end', resolve))
  expect(text).toBe('id: 1\nevent: a\ndata: 1\n\n: hello\n\n')
  expect(headers).toMatchObject({ 'content-type': 'text/event-stream' })
  expect(headers).not.toHaveProperty('connection')
})

test('over HTTP/2 a writer cuts a client that does not read above the bound', async () => {
  let writer: SSEWriter | undefined
  const server = createHttp2Server((_req, res) => {
    writer = createSSEWriter(res as never, { maxBufferedBytes: 100_000 })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    client.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  stream.pause()
  await until(() => writer !== undefined)
  for (let n = 0; n < 2000 && writer?.send('a', 'x'.repeat(10_000)); n++) {
    if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(writer?.closed).toBe(true)
})

describe('behind Express and compression', () => {
  async function compressed(cacheControl: string | null, options: SSEWriterOptions = {}) {
    let writer: SSEWriter | undefined
    const app = express()
    app.use(compression({ threshold: 0 }))
    app.get('/', (_req, res) => {
      if (cacheControl !== null) res.setHeader('Cache-Control', cacheControl)
      writer = createSSEWriter(res, options)
      onTestFinished(() => writer?.close())
    })
    const { url } = await listen(app)
    const req = request(url, { agent: false, headers: { 'accept-encoding': 'gzip' } })
    onTestFinished(() => void req.destroy())
    const response = await new Promise<IncomingMessage>((resolve) => req.end().once('response', resolve))
    response.on('error', () => {})
    if (writer === undefined) throw new Error('no writer')
    return { response, writer }
  }

  test('where the app lets compression through, each event of a writer arrives before the next is sent', async () => {
    const { response, writer } = await compressed('no-cache')
    expect(response.headers).toMatchObject({ 'content-encoding': 'gzip', 'cache-control': 'no-cache' })
    let text = ''
    const plain = response.pipe(createGunzip()).setEncoding('utf8')
    plain.on('data', (data) => {
      text += data
    })
    for (let n = 1; n <= 5; n++) {
      writer.send('tick', { n })
      await until(() => text.endsWith(`id: ${n}\nevent: tick\ndata: {"n":${n}}\n\n`))
    }
    const ended = new Promise((resolve) => plain.once('end', resolve))
    writer.close()
    await ended
  })

  test('by default a writer is not compressed', async () => {
    const { response, writer } = await compressed(null)
    expect(response.headers['content-encoding']).toBeUndefined()
    expect(response.headers['cache-control']).toBe('no-cache, no-transform')
    writer.close()
    response.resume()
    await new Promise((resolve) => response.once('end', resolve))
  })

  test('bytes that wait behind the compressor count: a writer cuts a client that does not read', async () => {
    const { response, writer } = await compressed('no-cache', { maxBufferedBytes: 200_000, heartbeatMs: 1 })
    response.pause()
    const noise = () => Array.from({ length: 500 }, () => Math.random().toString(36)).join('')
    for (let n = 0; n < 5000 && writer.send('noise', noise()); n++) {
      if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(writer.closed).toBe(true)
    response.resume()
    await new Promise((resolve) => response.once('close', resolve))
    expect(response.complete).toBe(false)
  })

  test('a client that leaves closes its writer, also in the middle of compressing', async () => {
    const { response, writer } = await compressed('no-cache')
    writer.send('a', 'x'.repeat(100_000))
    response.destroy()
    await until(() => writer.closed)
    expect(writer.send('b', 1)).toBe(false)
  })
})
