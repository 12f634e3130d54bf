/**
 * Serves the console: one page for all of its addresses, and the files that it loads. They need no login; the data they
 * show does.
 *
 * The page is at different depths (`/`, `/runs/<id>`), below a path that only clients know: its links are relative, and are
 * written for the depth of each address.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FaceApp } from './face.ts'

const built = fileURLToPath(new URL('../../public', import.meta.url))

/** Addresses of the page, by the number of folders above it. */
const addresses = [
  ['/runs', 0],
  ['/runs/:id', 1],
] as const

const yearMs = 365 * 24 * 3_600_000

export async function serveConsole(app: FaceApp): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
    route.schema = { ...route.schema, hide: true }
  })
  for (const [address, depth] of addresses) {
    app.get(address, (request, reply) => sendConsole(request, reply, depth))
  }
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

/** Sends the page, as it is at an address that is `depth` folders below the server's own. */
async function sendConsole(
  request: FastifyRequest,
  reply: FastifyReply,
  depth: number,
): Promise<FastifyReply> {
  const page = await readFile(join(built, 'index.html'), 'utf8').catch(() => notBuilt)
  const html = page.replaceAll('="./', `="${'../'.repeat(depth) || './'}`)
  const etag = `"${createHash('sha256').update(html).digest('base64url')}"`
  reply.header('Cache-Control', 'no-cache').header('ETag', etag)
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type('text/html; charset=utf-8').serializer(String).send(html)
}

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Millrace: the console is not built</title>
<h1>The console is not built</h1>
<p>In the folder of Millrace’s sources, run this command, and start the server again:</p>
<pre>npm run build:console</pre>
`
