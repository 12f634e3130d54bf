import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { type Script, startScriptedModel } from '@millrace/scripted-model'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { openModelGateway } from '#agents/gateway/gateway'
import { selfSigned } from '#test/agents/gateway/support/certificate'
import {
  after,
  ask,
  bodyOf,
  echo,
  gatewayTo,
  key,
  releaseAll,
  seenBy,
  settled,
  told,
  upstream,
} from '#test/agents/gateway/support/gateway'

afterEach(releaseAll)

describe('the gateway with the scripted model behind it', () => {
  const script: Script = {
    name: 'a held answer',
    steps: [
      { when: {}, reply: { content: [{ type: 'text', text: ['one ', 'two ', 'three'], hold: 'delta' }] } },
    ],
  }
  const message = { model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'go' }] }

  it('a delta arrives before the next one is produced, and the model sees the server’s key', async () => {
    const model = await startScriptedModel({ script, apiKey: key })
    after(() => model.close())
    const gateway = await gatewayTo(model.url)
    const { answer, status } = await ask(gateway, {
      path: '/v1/messages?beta=true',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
    expect(status).toBe(200)
    let text = ''
    const ended = once(answer, 'end')
    answer.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    for (const [index, delta] of ['one ', 'two ', 'three'].entries()) {
      await model.reached('delta', index + 1)
      expect(text).not.toContain(`"${delta}"`)
      model.release('delta')
      while (!text.includes(`"${delta}"`)) await once(answer, 'data')
    }
    await ended
    expect(text).toContain('message_stop')
    expect(model.requests).toHaveLength(1)
  })

  it('an answer that the model cuts is cut for the session too, after the bytes that arrived', async () => {
    const cutting = structuredClone(script)
    const reply = { content: [{ type: 'text' as const, text: ['one ', 'two '] }] }
    cutting.steps = [{ when: {}, reply: { ...reply, trouble: { kind: 'cut', afterEvents: 3 } } }]
    const model = await startScriptedModel({ script: cutting })
    after(() => model.close())
    const { answer } = await ask(await gatewayTo(model.url), { body: JSON.stringify(message) })
    let text = ''
    answer.on('data', (part) => {
      text += String(part)
    })
    await expect(once(answer, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(text).toContain('message_start')
    expect(answer.complete).toBe(false)
  })
})

describe('credentials of the gateway', () => {
  it.each([
    ['no credential', {}],
    ['another token', { authorization: 'Bearer another' }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['the key itself', { authorization: `Bearer ${key}`, 'x-api-key': key }],
    ['another scheme', { authorization: 'Basic TOKEN' }],
  ])('a request with %s is refused, and the API hears nothing', async (_what, given) => {
    let heard = 0
    const gateway = await gatewayTo(await upstream(() => void heard++))
    const headers = Object.fromEntries(
      Object.entries({ authorization: '', ...given }).map(([k, v]) => [k, v.replace('TOKEN', gateway.token)]),
    )
    const { status, body } = await told(gateway, { headers, body: 'x'.repeat(1_000_000) })
    expect(status).toBe(401)
    expect(JSON.parse(body)).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
    expect(heard).toBe(0)
  })

  it.each(['bearer', 'x-api-key'])('the token is accepted as %s', async (way) => {
    const gateway = await gatewayTo(await upstream(echo))
    const headers: Record<string, string> =
      way === 'bearer' ? {} : { authorization: '', 'x-api-key': gateway.token }
    expect(await told(gateway, { headers, body: 'hello' })).toMatchObject({ status: 200, body: 'hello' })
  })

  it('the token of one session does not open the gateway of another', async () => {
    const url = await upstream(echo)
    const [one, other] = [await gatewayTo(url), await gatewayTo(url)]
    expect((await told(one, { headers: { authorization: `Bearer ${other.token}` } })).status).toBe(401)
  })
})

describe('requests and answers', () => {
  it('the server’s key replaces every credential, and hop-by-hop fields are not forwarded', async () => {
    const base = await upstream(echo)
    const gateway = await gatewayTo(base)
    const { headers, status } = await told(gateway, {
      headers: {
        'x-api-key': 'the-runs-own',
        cookie: 'a=b',
        'proxy-authorization': 'Basic eA==',
        'proxy-connection': 'keep-alive',
        connection: 'close, X-Private',
        'x-private': 'p',
        te: 'trailers',
        host: 'elsewhere.example',
        'anthropic-version': '2023-06-01',
        'anthropic-beta': ['a', 'b'],
        'accept-encoding': 'br',
      },
      body: 'x',
    })
    expect(status).toBe(200)
    const { connection, ...seen } = seenBy(headers).headers
    expect(connection).not.toContain('X-Private')
    expect(seen).toEqual({
      host: new URL(base).host,
      'x-api-key': key,
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'a, b',
      'accept-encoding': 'br',
      'content-length': '1',
    })
  })

  it('without a key no credential is forwarded', async () => {
    const base = await upstream(echo)
    const gateway = await openModelGateway({ baseUrl: base, apiKey: undefined })
    after(() => gateway.close())
    const seen = seenBy((await told(gateway)).headers).headers
    expect(Object.keys(seen)).not.toEqual(expect.arrayContaining(['x-api-key', 'authorization']))
    expect(seen['x-api-key'] ?? seen.authorization).toBeUndefined()
  })

  it.each([
    ['', '/v1/messages?beta=true'],
    ['/', '/v1/messages?beta=true'],
    ['/prefix', '/prefix/v1/messages?beta=true'],
    ['/a/prefix/', '/a/prefix/v1/messages?beta=true'],
  ])('a path is appended to that of the API’s address: %j', async (path, expected) => {
    const gateway = await gatewayTo((await upstream(echo)) + path)
    const { headers } = await told(gateway, { path: '/v1/messages?beta=true' })
    expect(seenBy(headers).url).toBe(expected)
  })

  it.each(['/v1/messages', '/v1/messages/count_tokens'])(
    'a request for %s is forwarded, with its body framed',
    async (path) => {
      const gateway = await gatewayTo(await upstream(echo))
      for (const connection of ['close', 'close, content-length, transfer-encoding']) {
        for (const framing of [
          ['content-length', '21'] as const,
          ['transfer-encoding', 'chunked'] as const,
        ]) {
          const headers = { connection, [framing[0]]: framing[1] }
          const { headers: answered, body } = await told(gateway, {
            path,
            headers,
            body: 'GET / HTTP/1.1\r\n\r\nabc',
          })
          expect({ seen: seenBy(answered).url, body }).toEqual({
            seen: path,
            body: 'GET / HTTP/1.1\r\n\r\nabc',
          })
        }
      }
    },
  )

  it('an answer’s status, fields and encoded bytes are forwarded unchanged', async () => {
    const packed = gzipSync('data: hello\n\n')
    const gateway = await gatewayTo(
      await upstream((_asked, answer) => {
        answer.writeHead(529, { 'content-encoding': 'gzip', 'retry-after': '3', 'x-two': ['1', '2'] })
        answer.end(packed)
      }),
    )
    const { answer, status } = await ask(gateway)
    expect({ status, headers: answer.headers }).toMatchObject({
      status: 529,
      headers: { 'content-encoding': 'gzip', 'retry-after': '3', 'x-two': '1, 2' },
    })
    expect(await bodyOf(answer)).toEqual(packed)
  })

  it.each([204, 304])('an answer without a body (%i), and one to HEAD, end', async (code) => {
    const gateway = await gatewayTo(
      await upstream((asked, answer) => {
        answer.writeHead(
          asked.method === 'HEAD' ? 200 : code,
          asked.method === 'HEAD' ? { 'content-length': 7 } : {},
        )
        answer.end()
      }),
    )
    expect(await told(gateway)).toMatchObject({ status: code, body: '' })
    expect(await told(gateway, { method: 'HEAD', path: '/' })).toMatchObject({ status: 200, body: '' })
  })

  it('any bytes, however they are cut, are forwarded unchanged in both directions', async () => {
    const gateway = await gatewayTo(await upstream((asked, answer) => void asked.pipe(answer)))
    const chunks = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(chunks, fc.boolean(), fc.nat(3), async (parts, chunked, repeats) => {
        const body = Buffer.concat(Array.from({ length: 1 + repeats * 10 }, () => parts).flat())
        const asked = request(`${gateway.url}/v1/messages`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${gateway.token}`,
            ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': body.length }),
          },
        })
        const answered = once(asked, 'response') as Promise<[IncomingMessage]>
        let at = 0
        for (const part of parts) {
          asked.write(body.subarray(at, at + part.length))
          at += part.length
          await sleep(0)
        }
        asked.end(body.subarray(at))
        const [answer] = await answered
        expect((await bodyOf(answer)).equals(body)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('neither direction is read faster than the other side takes it', async () => {
    let produced = 0
    const block = Buffer.alloc(64 * 1024)
    const total = 64 * 1024 ** 2
    const gateway = await gatewayTo(
      await upstream((_asked, answer) => {
        const produce = () => {
          while (produced < total) {
            produced += block.length
            if (!answer.write(block)) return
          }
          answer.end()
        }
        answer.on('drain', produce)
        produce()
      }),
    )
    const { answer } = await ask(gateway)
    await settled(() => produced)
    expect(produced).toBeLessThan(total / 2)
    expect((await bodyOf(answer)).length).toBe(total)

    const deaf = await gatewayTo(await upstream((asked) => asked.pause()))
    const upload = request(`${deaf.url}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${deaf.token}`, 'content-length': total },
    })
    upload.on('error', () => {})
    upload.write(Buffer.alloc(total))
    await settled(() => upload.socket?.bytesWritten ?? 0)
    const unsent = () => (upload.socket?.writableLength ?? 0) + upload.writableLength
    expect(unsent()).toBeGreaterThan(total / 2)
    upload.destroy()
  })
})

describe('an API behind TLS', () => {
  it('an API behind TLS is used if its certificate is trusted, and reported if it is not', async () => {
    const { key: privateKey, cert } = selfSigned()
    const server = createTlsServer({ key: privateKey, cert }, echo).listen(0, '127.0.0.1')
    await once(server, 'listening')
    after(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    const gateway = await gatewayTo(`https://localhost:${(server.address() as AddressInfo).port}/prefix`)
    const { status, body } = await told(gateway)
    expect(status).toBe(502)
    expect(body).toContain('DEPTH_ZERO_SELF_SIGNED_CERT')

    const trusted = getCACertificates('default')
    setDefaultCACertificates([...trusted, cert])
    after(() => setDefaultCACertificates(trusted))
    const answered = await told(gateway, { body: 'over TLS' })
    expect(answered).toMatchObject({ status: 200, body: 'over TLS' })
    expect(seenBy(answered.headers)).toMatchObject({
      url: '/prefix/v1/messages',
      headers: { 'x-api-key': key },
    })
  })
})
