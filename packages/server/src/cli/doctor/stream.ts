/**
 * Measures whether anything between here and a server holds a stream back.
 *
 * The probe's frames carry the time they were written. The clocks of the two machines need not agree:
 * only intervals are compared, never times.
 */
import { ClientError, framesOf, refusalOf, send, systemClock } from '@millrace/client'
import { explain } from '#cli/api'
import type { Server } from '#cli/connect'
import type { Check } from './check.ts'

const name = 'stream'
/** The probe takes 2 s; a buffer may hold it until its end. */
const idleMs = 20_000

interface Arrival {
  /** Server's clock, ms. */
  writtenAt: number
  /** Our clock, ms. */
  arrivedAt: number
}

export async function checkStream(server: Server): Promise<Check[]> {
  const stop = new AbortController()
  try {
    const response = await send(server, {
      path: '/api/probe/stream',
      headers: { accept: 'text/event-stream' },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(idleMs)]),
    })
    if (!response.ok) throw await refusalOf(response, Date.now())
    const arrivals: Arrival[] = []
    for await (const frame of framesOf(response, idleMs, systemClock)) {
      if (frame.type !== 'probe') continue
      const { at } = JSON.parse(frame.data) as { at: number }
      arrivals.push({ writtenAt: at, arrivedAt: performance.now() })
    }
    return [judgeArrivals(arrivals), ...judgeHeaders(response.headers)]
  } catch (error) {
    const hint = error instanceof ClientError && error.status === 404 ? ' (is it a Millrace server?)' : ''
    return [{ name, status: 'fail', detail: `${server.url}: ${explain(error)}${hint}` }]
  } finally {
    stop.abort()
  }
}

/**
 * Frames that were written apart but arrive together were held back. One such pair may be a hiccup of this
 * machine; half of all frames means a buffer.
 */
export function judgeArrivals(arrivals: readonly Arrival[]): Check {
  if (arrivals.length < 3) {
    return { name, status: 'fail', detail: `only ${arrivals.length} frames of the probe arrived` }
  }
  const groups = groupsOf(arrivals)
  const largest = groups.reduce((left, right) => (right.length > left.length ? right : left))
  const together = groups.filter((group) => group.length > 1).reduce((sum, group) => sum + group.length, 0)
  const held = heldMs(arrivals)
  if (together === 0) {
    return {
      name,
      status: 'ok',
      detail: `streams arrive at once (${arrivals.length} frames, ${held} ms jitter)`,
    }
  }
  const detail = `${largest.length} frames arrived together after ${held} ms`
  if (together * 2 < arrivals.length) return { name, status: 'warn', detail: `uneven: ${detail}` }
  return {
    name,
    status: 'fail',
    detail: `buffered: ${detail}; disable buffering on the way (see docs/deployment.md)`,
  }
}

/** Groups frames that arrived much closer together than they were written. */
function groupsOf(arrivals: readonly Arrival[]): Arrival[][] {
  const groups: Arrival[][] = []
  let last: Arrival | undefined
  for (const arrival of arrivals) {
    const close =
      last !== undefined &&
      arrival.arrivedAt - last.arrivedAt < 0.25 * Math.max(1, arrival.writtenAt - last.writtenAt)
    if (close) groups.at(-1)?.push(arrival)
    else groups.push([arrival])
    last = arrival
  }
  return groups
}

/** Returns how much longer the slowest frame took than the fastest one. */
function heldMs(arrivals: readonly Arrival[]): number {
  const ways = arrivals.map(({ writtenAt, arrivedAt }) => arrivedAt - writtenAt)
  return Math.round(Math.max(...ways) - Math.min(...ways))
}

export function judgeHeaders(headers: Headers): Check[] {
  const checks: Check[] = []
  const type = headers.get('content-type') ?? 'missing'
  if (!type.startsWith('text/event-stream')) {
    checks.push({ name, status: 'fail', detail: `Content-Type is ${type}, not text/event-stream` })
  }
  const cache = headers.get('cache-control') ?? ''
  const kept = /\bno-transform\b/.test(cache) && /\bno-cache\b|\bno-store\b/.test(cache)
  checks.push({
    name,
    status: kept ? 'ok' : 'warn',
    detail: kept
      ? 'Cache-Control survived'
      : `Cache-Control became "${cache}": something on the way may cache or transform streams`,
  })
  const survived = headers.get('x-accel-buffering') === 'no'
  checks.push({
    name,
    status: survived ? 'ok' : 'info',
    // nginx obeys the header and removes it; other proxies ignore it.
    detail: survived
      ? 'X-Accel-Buffering survived'
      : 'X-Accel-Buffering was removed on the way (as nginx does)',
  })
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') {
    checks.push({
      name,
      status: 'info',
      detail: `Content-Encoding is ${encoding}: it must flush every frame`,
    })
  }
  return checks
}
