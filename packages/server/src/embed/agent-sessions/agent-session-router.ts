/** The routes of the sessions face (docs/protocol.md#5-sessions-face), and no others, for an Express application. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExpressMiddleware } from '#embed/express'

export interface AgentSessionRouterOptions {
  /**
   * The application's own middleware, called before these routes and no others: it calls `next()` for callers
   * who may pass, and answers the rest. The `principal` option of `createMillrace` then identifies the
   * caller, from `request.user` for instance.
   */
  requireAuth?(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown
}

const ourPaths = /^\/api\/agent\/test(?:\/(?:stream|abort)\/[^/?]+)?(?:\?|$)/

/**
 * `app.use(agentSessionRouter(millrace, { requireAuth }))`: `POST /api/agent/test`, `GET
 * /api/agent/test/stream/:sessionId` and `POST /api/agent/test/abort/:sessionId`, below any mount path.
 * Every other request goes to the next middleware. May be created before `start()`.
 */
export function agentSessionRouter(
  millrace: { express(): ExpressMiddleware },
  { requireAuth }: AgentSessionRouterOptions = {},
): ExpressMiddleware {
  const faces = millrace.express()
  return (request, response, next) => {
    if (!ourPaths.test(request.url ?? '')) return next()
    if (requireAuth === undefined) return faces(request, response, next)
    const passed = requireAuth(request, response, (error) => {
      // Express also passes values that are no errors, such as `next('route')`.
      if (error === undefined || error === null) faces(request, response, next)
      else next(error)
    })
    if (passed instanceof Promise) passed.catch(next)
  }
}
