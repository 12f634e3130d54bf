/** How often somebody may do what costs: start runs, try to log in. Counted in memory, per node. */
import fastifyRateLimit from '@fastify/rate-limit'
import { MillraceError } from '@millrace/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Counts the request, and throws `rate_limited` when there were too many. */
export type RateLimit = (request: FastifyRequest) => Promise<void>

export interface RateLimits {
  /** Starts of runs, by user, over all faces. */
  starts: RateLimit
  /** Attempts to log in, by address. */
  logins: RateLimit
  /** Tickets, by user: each is a row that stays for as long as what it came from. */
  tickets: RateLimit
}

const minute = 60_000
/** Enough for every page of a user to open all of its streams anew, again and again. */
const ticketsPerMinute = 300

export async function createRateLimits(
  app: FastifyInstance,
  limits: { startsPerMinute: number; loginsPerMinute: number },
): Promise<RateLimits> {
  await app.register(fastifyRateLimit, { global: false })
  const perMinute = (
    max: number,
    what: string,
    keyGenerator: (request: FastifyRequest) => string,
  ): RateLimit => {
    const count = app.createRateLimit({ max, timeWindow: minute, keyGenerator })
    return async (request) => {
      const result = await count(request)
      if (result.isAllowed || !result.isExceeded) return
      throw new MillraceError('rate_limited', `${what}: at most ${max} a minute`, {
        retryAfter: Math.max(result.ttlInSeconds, 1),
      })
    }
  }
  const byUser = (request: FastifyRequest) => request.identity?.principal.user ?? request.ip
  return {
    starts: perMinute(limits.startsPerMinute, 'Too many runs were started', byUser),
    tickets: perMinute(ticketsPerMinute, 'Too many tickets', byUser),
    logins: perMinute(limits.loginsPerMinute, 'Too many attempts to log in', (request) => request.ip),
  }
}
