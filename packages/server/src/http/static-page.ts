/** Serves the plain page. Its files need no login; the data they show does. */
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FaceApp } from './face.ts'

const root = fileURLToPath(new URL('../../page', import.meta.url))

export async function staticPage(app: FaceApp): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
    route.schema = { ...route.schema, hide: true }
  })
  await app.register(fastifyStatic, { root, index: 'index.html', cacheControl: true, maxAge: 0 })
}
