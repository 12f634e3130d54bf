import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { openModelGateway } from '#agents/gateway/gateway'
import {
  ask,
  bodyOf,
  echo,
  gatewayTo,
  happens,
  hostile,
  key,
  releaseAll,
  told,
  upstream,
} from '#test/agents/gateway/support/gateway'
import { conversation, exchange } from '#test/agents/gateway/support/wire'

afterEach(releaseAll)

describe('targets', () => {
  const targets = [
    '/v1/../../etc',
    '/..',
    '/v1/..',
    '/./v1',
    '/%2e%2e/x',
    '/v1/%2E./x',
    '/a/..%2fx',
    '/a/%252e%252e/x',
    '/a\\..\\x',
    '/a/..;v=1/x',
    '/%zz/..',
    'v1/messages',
    '*',
  ]
  it.each(targets)('a target that leads out of the base path is refused: %s', async (target) => {
    let heard = 0
    const gateway = await gatewayTo(`${await upstream(() => void heard++)}/base`)
    const answer = await exchange(
      gateway.url,
      `OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(heard).toBe(0)
  })

  it.each([
    'GET http://%s/ HTTP/1.1',
    'GET https://%s/ HTTP/1.1',
    'GET ftp://%s/ HTTP/1.1',
    'CONNECT %s HTTP/1.1',
  ])('another host cannot be named: %s', async (line) => {
    let heard = 0
    const other = new URL(await upstream(() => void heard++)).host
    const gateway = await gatewayTo(await upstream(() => void heard++))
    const answer = await exchange(
      gateway.url,
      `${line.replace('%s', other)}\r\nHost: ${other}\r\nAuthorization: Bearer ${gateway.token}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^(HTTP\/1.1 400 |$)/)
    expect(heard).toBe(0)
  })

  it.each([
    ['GET', '/v1/messages'],
    ['DELETE', '/v1/files/file_1'],
    ['GET', '/v1/files'],
    ['POST', '/v1/messages/batches'],
    ['POST', '/v1/messages/'],
    ['POST', '//v1/messages'],
    ['POST', '/v1%2fmessages'],
    ['POST', '/v1/messages;x'],
    ['POST', '/V1/messages'],
    ['POST', '//other.example/x'],
    ['POST', '/v1/complete?x=/v1/messages'],
    ['GET', '/v1/models'],
    ['GET', '/'],
  ])('what no session needs is refused and not passed on: %s %s', async (method, target) => {
    let heard = 0
    const gateway = await gatewayTo(await upstream((_asked, answer) => void answer.end(String(heard++))))
    const answer = await exchange(
      gateway.url,
      `${method} ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 403 /)
    expect(answer).toContain('permission_error')
    expect(heard).toBe(0)
  })

  it('messages, the count of tokens, and whether the API is there can be asked for', async () => {
    const gateway = await gatewayTo(await upstream((asked, answer) => void answer.end(asked.url)))
    for (const path of ['/v1/messages?beta=true', '/v1/messages/count_tokens?beta=true']) {
      expect(await told(gateway, { path })).toMatchObject({ status: 200, body: path })
    }
    expect(await told(gateway, { method: 'HEAD', path: '/' })).toMatchObject({ status: 200 })
  })

  it('a redirect is returned and not followed', async () => {
    let heard = 0
    const other = await upstream(() => void heard++)
    const gateway = await gatewayTo(
      await upstream((_asked, answer) => void answer.writeHead(307, { location: other }).end()),
    )
    expect(await told(gateway)).toMatchObject({ status: 307, headers: { location: other } })
    expect(heard).toBe(0)
  })

  it('HTTP/1.0, where a cut looks like an end, and codings that would be lost are refused', async () => {
    const gateway = await gatewayTo(await upstream(echo))
    const head = `Host: x\r\nAuthorization: Bearer ${gateway.token}\r\n`
    expect(await exchange(gateway.url, `GET / HTTP/1.0\r\n${head}\r\n`)).toMatch(/^HTTP\/1.1 505 /)
    const coded = `POST / HTTP/1.1\r\n${head}Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`
    expect(await exchange(gateway.url, coded)).toMatch(/^HTTP\/1.1 400 /)
  })

  it.each(['', 'no address', 'ftp://host', 'file:///etc/passwd', 'http://user:secret@host'])(
    'an address that cannot be an API’s is refused, and not repeated: %j',
    async (baseUrl) => {
      const refused = openModelGateway({ baseUrl, apiKey: key })
      await expect(refused).rejects.toMatchObject({ code: 'invalid_request' })
      await expect(refused).rejects.not.toThrow(/secret|made-up/)
    },
  )
})

describe('when the API fails', () => {
  const answers: [string, string][] = [
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Ty'],
    ['no HTTP', 'hello there, no HTTP\r\n\r\n'],
    [
      'a switch of protocols',
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x-${key}\r\nConnection: upgrade\r\n\r\n`,
    ],
    ['an impossible status', 'HTTP/1.1 001 Odd\r\nContent-Length: 5\r\n\r\nabcde'],
    ['too large a head', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`],
  ]
  it.each(answers)(
    'an API that answers %s is a 502 in the API’s shape, with the host and without the key',
    async (_what, bytes) => {
      const server = await hostile((socket) => void socket.end(bytes))
      const { status, body, headers } = await told(await gatewayTo(server.url))
      expect(status).toBe(502)
      const { host } = new URL(server.url)
      expect(JSON.parse(body)).toEqual({
        type: 'error',
        error: {
          type: 'api_error',
          message: expect.stringContaining(`the model's API at ${host} cannot be reached`),
        },
      })
      expect(body + JSON.stringify(headers)).not.toContain(key)
    },
  )

  it('a host that does not answer, or has no address, is a 502', async () => {
    const closed = await hostile(() => {})
    await closed.close()
    for (const base of [closed.url, 'http://no-such-host.invalid/prefix']) {
      const { status, body } = await told(await gatewayTo(base), { body: 'x'.repeat(3_000_000) })
      expect(status).toBe(502)
      expect(body).toContain(new URL(base).host)
      expect(body).toMatch(/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/)
    }
  })

  it('a key that cannot be sent is not repeated in the refusal', async () => {
    const gateway = await gatewayTo(await upstream(echo), 'made-up\nkey')
    const { status, body, headers } = await told(gateway)
    expect(status).toBe(400)
    expect(body + JSON.stringify(headers)).not.toContain('made-up')
  })

  it('a field of an answer that contains the key is left out', async () => {
    const gateway = await gatewayTo(
      await upstream((asked, answer) => {
        answer.writeHead(200, {
          'x-echo': `you sent ${asked.headers['x-api-key']}`,
          [`x-${key}`]: '1',
          'x-kept': 'yes',
        })
        answer.end()
      }),
    )
    const { headers } = await told(gateway)
    expect(headers).toMatchObject({ 'x-kept': 'yes' })
    expect(JSON.stringify(headers)).not.toContain(key)
  })

  it.each([
    ['counted', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'],
  ])('an answer (%s) that breaks off breaks off for the session too', async (_how, bytes) => {
    for (const cut of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      const server = await hostile((socket) => void socket.write(bytes))
      const { answer } = await ask(await gatewayTo(server.url))
      expect(String((await once(answer, 'data'))[0])).toBe('part')
      const over = bodyOf(answer)
      for (const socket of server.connections()) cut(socket)
      await expect(over).rejects.toMatchObject({ code: 'ECONNRESET' })
      expect(answer.complete).toBe(false)
    }
  })

  it('an answer delimited by the end of the connection ends whole', async () => {
    const server = await hostile((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'))
    expect(await told(await gatewayTo(server.url))).toMatchObject({ status: 200, body: 'all of it' })
  })

  it('a refusal sent before the body was read reaches the session', async () => {
    const gateway = await gatewayTo(
      await upstream(
        (_asked, answer) => void answer.writeHead(413, { connection: 'close' }).end('too large'),
      ),
    )
    const upload = request(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.token}`, 'content-length': 50_000_000 },
    })
    upload.on('error', () => {})
    upload.write('the beginning')
    const [answer] = (await once(upload, 'response')) as [IncomingMessage]
    expect({ status: answer.statusCode, body: String(await bodyOf(answer)) }).toEqual({
      status: 413,
      body: 'too large',
    })
    upload.destroy()
  })
})

describe('when the session goes away', () => {
  it('a request whose session leaves is cancelled at the API, before its answer, within it, and within the request', async () => {
    let gone = 0
    let asked = 0
    const gateway = await gatewayTo(
      await upstream((incoming, answer) => {
        asked += 1
        answer.on('close', () => void gone++)
        if (incoming.url === '/v1/messages?within') answer.write('part')
      }),
    )
    const headers = { authorization: `Bearer ${gateway.token}` }
    const before = request(`${gateway.url}/v1/messages?before`, { method: 'POST', headers })
    before.on('error', () => {}).end()
    const { asked: within } = await ask(gateway, { path: '/v1/messages?within' })
    const question = request(`${gateway.url}/v1/messages?question`, {
      method: 'POST',
      headers: { ...headers, 'content-length': 9 },
    })
    question.on('error', () => {}).write('x')
    await happens(() => asked === 3)
    for (const one of [before, within, question]) one.destroy()
    await happens(() => gone === 3)
  })
})

describe('close()', () => {
  it('closing the gateway cuts open requests on both sides, ends idle connections, and refuses later ones', async () => {
    let gone = 0
    const base = await upstream((incoming, answer) => {
      if (incoming.url !== '/v1/messages?held') return void answer.end('done')
      answer.on('close', () => void gone++)
      answer.write('part')
    })
    const gateway = await gatewayTo(base)
    const { answer } = await ask(gateway, { path: '/v1/messages?held' })
    await once(answer, 'data')
    const kept = conversation(
      gateway.url,
      `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}\r\nContent-Length: 0\r\n\r\n`,
    )
    const over = bodyOf(answer)
    over.catch(() => {})
    await kept.says('done')
    await Promise.all([gateway.close(), gateway.close()])
    await expect(over).rejects.toMatchObject({ code: 'ECONNRESET' })
    await kept.over
    await happens(() => gone === 1)
    await expect(ask(gateway)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await gateway.close()
  })
})
