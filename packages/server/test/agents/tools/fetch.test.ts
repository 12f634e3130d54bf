import { createServer, type RequestListener, type Server } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentTools } from '#agents/tools/tools'
import { openTools } from './support/rig.ts'

const { call } = openTools()
const servers: Server[] = []
let host = ''
let other = ''

const page = `<!doctype html><html><head><title>A page</title><script>alert(1)</script></head><body>
<nav><a href="/menu">Menu</a></nav><main><h1>Title</h1><p>Some <b>bold</b> text &amp; more.</p>
<a href="../other?x=1">link</a><img alt="dot" src="data:image/png;base64,AAAA"></main></body></html>`

const answer: RequestListener = (request, response) => {
  const send = (type: string, body: string | Buffer, more: Record<string, string> = {}) =>
    response.writeHead(200, { 'content-type': type, ...more }).end(body)
  const redirect = (location: string) => response.writeHead(302, { location }).end()
  switch (request.url) {
    case '/dir/page':
      return send('text/html; charset=utf-8', page)
    case '/json':
      return send('application/json', '{"a": 1}')
    case '/latin1':
      return send('text/plain; charset=iso-8859-1', Buffer.from('caf\xe9', 'latin1'))
    case '/meta':
      return send('text/html', Buffer.from('<meta charset="windows-1252"><p>caf\xe9</p>', 'latin1'))
    case '/image':
      return send('image/png', Buffer.from('\x89PNG\0', 'latin1'))
    case '/octets':
      return send('application/octet-stream', Buffer.from('a\0b'))
    case '/long':
      return send('text/plain', 'x'.repeat(100_000))
    case '/bomb':
      return send('text/plain', gzipSync('y'.repeat(50_000_000)), { 'content-encoding': 'gzip' })
    case '/broken':
      return send('text/plain', 'not gzip at all', { 'content-encoding': 'gzip' })
    case '/endless': {
      response.writeHead(200, { 'content-type': 'text/plain' })
      const timer = setInterval(() => response.write('z'.repeat(1_000_000)), 1)
      return void response.once('close', () => clearInterval(timer))
    }
    case '/slow':
      return void response.writeHead(200).write('begins')
    case '/silent':
      return
    case '/moved':
      return redirect('/json')
    case '/loop':
      return redirect('/loop')
    case '/away':
      return redirect(`http://${other}/json`)
    case '/file':
      return redirect('file:///etc/passwd')
    default:
      return void response.writeHead(404, { 'content-type': 'text/plain' }).end(`no ${request.url}`)
  }
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

beforeAll(async () => {
  host = await listen(answer)
  other = await listen(answer)
})
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

const get = (path: string, more: object = {}, environment: Record<string, string> = {}) =>
  call(
    'fetch',
    { url: path.startsWith('http') ? path : `http://${host}${path}`, ...more },
    { environment, tools: agentTools({ fetchHosts: [host] }) },
  )

describe('the tool fetch', () => {
  it('turns HTML into Markdown, without scripts, with whole addresses', async () => {
    const { ok, text, details } = await get('/dir/page')
    expect(ok).toBe(true)
    expect(text).toContain('# Title\n\nSome **bold** text & more.')
    expect(text).toContain(`[link](http://${host}/other?x=1)`)
    expect(text).toContain('A page')
    expect(text).not.toMatch(/alert|base64/)
    expect(details).toMatchObject({ url: `http://${host}/dir/page`, status: 200 })
  })

  it.each([
    ['JSON as it is', '/json', '{"a": 1}'],
    ['text in the encoding that its header names', '/latin1', 'café'],
    ['HTML in the encoding that it names', '/meta', 'café'],
    ['what a redirect within the host leads to', '/moved', '{"a": 1}'],
  ])('reads %s', async (_what, path, text) => {
    expect(await get(path)).toMatchObject({ ok: true, text })
  })

  it('reports a redirect to another host, and does not follow it', async () => {
    const { text, details } = await get('/away')
    expect(text).toContain(`redirects to another host: http://${other}/json. Nothing was read.`)
    expect(details).toMatchObject({ status: 302, redirect: `http://${other}/json` })
  })

  it('shows a long page in parts', async () => {
    expect((await get('/long')).text).toMatch(
      /^x{40000}\n\n\[Characters 0–40000 of 100000\. .* offset 40000\.\]$/,
    )
    expect((await get('/long', { offset: 80_000 })).text).toMatch(
      /^x{20000}\n\n\[Characters 80000–100000 .* the end/,
    )
  })

  it.each([
    ['a page that grows when it is decompressed', '/bomb'],
    ['a page that never ends', '/endless'],
  ])('reads a bounded part of %s', async (_what, path) => {
    expect((await get(path)).text).toContain('[Only the first 5.0 MiB of the page were read.]')
  })

  it.each([
    ['an image', '/image', 'is not text (image/png'],
    ['unnamed bytes', '/octets', 'is not text (application/octet-stream'],
    ['a missing page', '/missing', 'The server answered with status 404.\nno /missing'],
    ['redirects without an end', '/loop', 'redirects more than 5 times'],
    ['a redirect to a file', '/file', 'which is not a web address'],
    ['content that cannot be decompressed', '/broken', 'could not be decompressed'],
    ['a server that is not there', 'http://127.0.0.1:1/', 'is not an address of the public web'],
  ])('refuses %s with a sentence', async (_what, path, sentence) => {
    const { ok, text } = await get(path)
    expect({ ok, text }).toEqual({ ok: false, text: expect.stringContaining(sentence) })
  })

  it.each(['/silent', '/slow'])('waits no longer than it is asked to (%s)', async (path) => {
    const { ok, text } = await get(path, { timeoutSeconds: 1 })
    expect({ ok, text }).toEqual({
      ok: false,
      text: `http://${host}${path} did not answer within 1 s.`,
    })
  })

  it('reaches the web through the proxy of the run', async () => {
    const asked: (string | undefined)[] = []
    const proxy = await listen((request, response) => {
      asked.push(request.url)
      response.writeHead(200, { 'content-type': 'text/plain' }).end('by the proxy')
    })
    const environment = { HTTP_PROXY: `http://${proxy}`, NO_PROXY: 'localhost' }
    expect(await get('http://example.org/x', {}, environment)).toMatchObject({
      ok: true,
      text: 'by the proxy',
    })
    expect(asked).toEqual(['http://example.org/x'])
  })

  it('asks no proxy for a host of the local network', async () => {
    const asked: (string | undefined)[] = []
    const proxy = await listen((request, response) => {
      asked.push(request.url)
      response.end()
    })
    const { ok } = await get('http://169.254.169.254/latest', {}, { HTTP_PROXY: `http://${proxy}` })
    expect({ ok, asked }).toEqual({ ok: false, asked: [] })
  })

  it('is judged as WebFetch, by the address that is asked', () => {
    const tool = agentTools().find(({ name }) => name === 'fetch')
    expect(tool?.judgedAs({ url: 'HTTP://2852039166/x y' })).toEqual({
      tool: 'WebFetch',
      input: { url: 'http://169.254.169.254/x%20y' },
    })
  })

  it.each(['file:///etc/passwd', 'ftp://example.org/', 'http://user:made-up@example.org/', 'no address'])(
    'takes no address like %s',
    (url) => {
      const tool = agentTools().find(({ name }) => name === 'fetch')
      expect(tool?.input.safeParse({ url }).success).toBe(false)
    },
  )
})
