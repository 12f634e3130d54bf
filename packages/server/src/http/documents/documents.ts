/** The API's document, derived from the routes, and the page that shows it. Both are made when they are first asked for. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { DocumentParts } from './application.ts'

/** Remembers the routes to describe. Must be called before they are added. */
export function collectRoutes(app: FastifyInstance): readonly RouteOptions[] {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    routes.push(route)
  })
  return routes
}

/** `/openapi.json` and `/docs`, for everyone. */
export async function serveDocuments(
  app: FastifyInstance,
  routes: readonly RouteOptions[],
  parts: DocumentParts,
): Promise<void> {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'public' }
    route.schema = { ...route.schema, hide: true }
  })
  let opened: Promise<FastifyInstance> | undefined
  const describing = () => {
    opened ??= import('./application.ts').then(({ openDocuments }) => openDocuments(routes, parts))
    return opened
  }
  app.addHook('onClose', async () => (await opened)?.close())
  app.get('/openapi.json', async () => (await describing()).swagger())
  const show = async (request: FastifyRequest, reply: FastifyReply) =>
    answerFrom(await describing(), request, reply)
  app.get('/docs', show)
  app.get('/docs/*', show)
}

/** Passes a request on, and its answer back through our own hooks. */
async function answerFrom(page: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
  const { url, headers } = request
  // Fastify turns this into the answer to a HEAD request, where the request is one.
  const answer = await page.inject({ method: 'GET', url, headers })
  if (answer.statusCode === 404) return reply.callNotFound()
  if (answer.statusCode >= 400) {
    const { message } = answer.json<{ message: string }>()
    throw Object.assign(new Error(message), { statusCode: answer.statusCode })
  }
  const { connection: _connection, date: _date, ...kept } = answer.headers
  const { rawPayload, statusCode } = answer
  return reply
    .code(statusCode)
    .headers(kept)
    .send(rawPayload.length === 0 ? undefined : rawPayload)
}
