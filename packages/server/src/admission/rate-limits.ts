/** How often a caller may do what is expensive (start runs) or suspect (fail to log in). Counted in memory, per node. */
import fastifyRateLimit from '@fastify/rate-limit'
import { MillraceError } from '@millrace/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Counts the request; fails with `rate_limited` above the limit. */
export type RateLimit = (request: FastifyRequest) => Promise<void>

export interface RateLimits {
  /** Starts of runs, by user, over all faces. */
  starts: RateLimit
  /** Failed attempts to log in, by address. */
  logins: RateLimit
  /** Tickets, by user: each is a row that lives as long as the credential behind it. */
  tickets: RateLimit
}

export interface RateLimitSettings {
  startsPerMinute: number
  loginsPerMinute: number
}

const minuteMs = 60_000
/** Enough for every page of a user to reopen all of its streams, again and again. */
const ticketsPerMinute = 300

export async function createRateLimits(
  app: Pick<FastifyInstance, 'register' | 'createRateLimit'>,
  limits: RateLimitSettings,
): Promise<RateLimits> {
  await app.register(fastifyRateLimit, { global: false })
  const perMinute = (
    max: number,
    what: string,
    keyGenerator: (request: FastifyRequest) => string,
  ): RateLimit => {
    const count = app.createRateLimit({ max, timeWindow: minuteMs, keyGenerator })
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
    logins: perMinute(limits.loginsPerMinute, 'Too many failed attempts to log in', (request) => request.ip),
  }
}
