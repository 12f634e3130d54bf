/** The routes of agent sessions (contract section 4), and nothing else of a Millrace, for an Express application. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ExpressMiddleware } from '#embed/express'

export interface AgentSessionRouterOptions {
  /**
   * The application's own middleware, asked before each of these routes and no other: it calls `next()`
   * for who may pass, and answers for who may not. Who the request is from is then what the `principal`
   * of `createMillrace` finds, `request.user` for instance.
   */
  requireAuth?(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown
}

const ourPaths = /^\/api\/agent\/test(?:\/(?:stream|abort)\/[^/?]+)?(?:\?|$)/

/**
 * `app.use(agentSessionRouter(millrace, { requireAuth }))`: `POST /api/agent/test`, `GET
 * /api/agent/test/stream/:sessionId` and `POST /api/agent/test/abort/:sessionId`, below whatever path it is
 * mounted. Everything else goes to the next middleware. May be made before `start()`.
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
      // Express has more that is no error here: `next('route')`.
      if (error === undefined || error === null) faces(request, response, next)
      else next(error)
    })
    if (passed instanceof Promise) passed.catch(next)
  }
}
