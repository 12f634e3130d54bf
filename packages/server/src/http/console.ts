/**
 * Serves the console: one page for all of its addresses, and the files that it loads. They need no login; the data they
 * show does.
 *
 * The page is at different depths (`/`, `/runs/<id>`), below a path that only clients know: its links are relative, and are
 * written for the depth of each address.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FaceApp } from './face.ts'

const built = fileURLToPath(new URL('../../public', import.meta.url))

/** Addresses of the page, by the number of folders above it. */
const addresses = [
  ['/', 0],
  ['/runs', 0],
  ['/runs/:id', 1],
  ['/activity', 0],
  ['/worktrees', 0],
  ['/settings', 0],
] as const

const decorator = 'millraceServesConsole'

const yearMs = 365 * 24 * 3_600_000

/** For faces that send the page themselves: before they are registered. */
export function announceConsole(app: FastifyInstance): void {
  app.decorate(decorator, true)
}

/** `prefix` is the path below which clients see this server. */
export async function serveConsole(app: FaceApp, prefix: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
    route.schema = { ...route.schema, hide: true }
  })
  // The page's links are relative: without the slash they would lead out of the prefix.
  if (prefix !== '') app.get(prefix, (_request, reply) => reply.redirect(`${prefix}/`, 308))
  for (const [address, depth] of addresses) {
    app.get(address, (request, reply) => sendConsole(request, reply, depth))
  }
  if (!existsSync(join(built, 'assets'))) return
  // A worker receives notifications for the pages below its own address.
  app.get('/push-worker.js', async (_request, reply) => {
    const script = await readFile(join(built, 'push-worker.js'), 'utf8').catch(() => '')
    if (script === '') return reply.callNotFound()
    return reply
      .header('Cache-Control', 'no-cache')
      .type('text/javascript; charset=utf-8')
      .serializer(String)
      .send(script)
  })
  // Their names change with their content. `.gz` files lie beside the large ones.
  await app.register(fastifyStatic, {
    root: join(built, 'assets'),
    prefix: '/assets/',
    immutable: true,
    maxAge: yearMs,
    preCompressed: true,
    decorateReply: false,
  })
}

/** Does this server serve the console? A host application's does not. */
export function hasConsole(request: FastifyRequest): boolean {
  return request.server.hasDecorator(decorator)
}

/** Sends the page, as it is at an address that is `depth` folders below the server's own. */
export async function sendConsole(
  request: FastifyRequest,
  reply: FastifyReply,
  depth: number,
): Promise<FastifyReply> {
  const page = await readFile(join(built, 'index.html'), 'utf8').catch(() => notBuilt)
  const html = page.replaceAll('="./', `="${'../'.repeat(depth) || './'}`)
  const etag = `"${createHash('sha256').update(html).digest('base64url')}"`
  if (!reply.hasHeader('Cache-Control')) reply.header('Cache-Control', 'no-cache')
  reply.header('ETag', etag)
  if (reply.statusCode === 200 && request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type('text/html; charset=utf-8').serializer(String).send(html)
}

/** Returns whether a person in a browser asks for an address that no route has. Below `/api` there are programs only. */
export function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  const isRead = method === 'GET' || method === 'HEAD'
  return isRead && !/^\/api(?:[/?]|$)/.test(url) && headers.accept?.includes('text/html') === true
}

/** Sends the page, which says that there is no such page. */
export async function sendUnknownPage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  request.refusal = 'not_found'
  request.server.countRejection?.('not_found')
  const [path = '/'] = request.url.split('?')
  return sendConsole(request, reply.code(404).header('Vary', 'Accept'), path.split('/').length - 2)
}

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Millrace: the console is not built</title>
<h1>The console is not built</h1>
<p>In the folder of Millrace’s sources, run this command, and start the server again:</p>
<pre>npm run build:console</pre>
`
