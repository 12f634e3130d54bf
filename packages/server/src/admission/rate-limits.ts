/**
 * How often a caller may do what is expensive (start runs) or suspect (fail to log in). Counted in memory, per node; failed
 * logins over all nodes besides.
 */
// By itself: the published declarations keep this import, and with it the method it adds to Fastify.
import '@fastify/rate-limit'
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

/** Counts an event under a name over all nodes: how often it happened in the window, and how long that lasts. */
export type CountEverywhere = (name: string, windowMs: number) => Promise<{ count: number; leftMs: number }>

const minuteMs = 60_000
/** Enough for every page of a user to reopen all of its streams, again and again. */
const ticketsPerMinute = 300

export async function createRateLimits(
  app: Pick<FastifyInstance, 'register' | 'createRateLimit'>,
  limits: RateLimitSettings,
  countEverywhere: CountEverywhere | null = null,
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
      throw tooMany(what, max, result.ttlInSeconds)
    }
  }
  const logins = perMinute(limits.loginsPerMinute, failedLogins, (request) => request.ip)
  const byUser = (request: FastifyRequest) => request.identity?.principal.user ?? request.ip
  return {
    starts: perMinute(limits.startsPerMinute, 'Too many runs were started', byUser),
    tickets: perMinute(ticketsPerMinute, 'Too many tickets', byUser),
    logins: countEverywhere === null ? logins : overNodes(logins, limits.loginsPerMinute, countEverywhere),
  }
}

const failedLogins = 'Too many failed attempts to log in'

/** A database that is away does not open the door: what is counted here holds anyway. */
function overNodes(here: RateLimit, max: number, count: CountEverywhere): RateLimit {
  return async (request) => {
    await here(request)
    const counted = await count(`login ${request.ip}`, minuteMs).catch(() => null)
    if (counted === null || counted.count <= max) return
    throw tooMany(failedLogins, max, Math.ceil(counted.leftMs / 1000))
  }
}

function tooMany(what: string, max: number, seconds: number): MillraceError {
  return new MillraceError('rate_limited', `${what}: at most ${max} a minute`, {
    retryAfter: Math.max(seconds, 1),
  })
}
