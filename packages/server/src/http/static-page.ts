/** Serves the plain page. Its files need no login; the data they show does. */
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FaceApp } from './face.ts'

const root = fileURLToPath(new URL('../../page', import.meta.url))

/** `prefix` is the path below which clients see this server. */
export async function staticPage(app: FaceApp, prefix: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
    route.schema = { ...route.schema, hide: true }
  })
  // The page's links are relative: without the slash they would lead out of the prefix.
  if (prefix !== '') app.get(prefix, (_request, reply) => reply.redirect(`${prefix}/`, 308))
  await app.register(fastifyStatic, { root, index: 'index.html', cacheControl: true, maxAge: 0 })
}
