/**
 * How many runs there were, how they ended, how long they waited and what they cost, over time: of the caller's runs, or, for an
 * admin, of all runs.
 *
 * Owns the last answers to each caller for some seconds: one takes many reads, and pages ask again and again. Invariant: of
 * one caller one reading is at work, whatever number of hours each request names, and few wait.
 */
import type { StatisticsResponse } from '@millrace/protocol'
import { statisticsQuery, statisticsResponse } from '@millrace/protocol/schemas'
import type { Principal } from '#auth/principal'
import { type Face, principalOf } from '#http/face'
import type { Runs } from '#runs/runs'
import { Buckets, intervalsOf } from './buckets.ts'
import { CallerTurns } from './turns.ts'

export interface StatisticsFaceParts {
  runs: Pick<Runs, 'list'>
  now?: () => number
}

const pageRuns = 200
/** 10,000 runs: about a second of reading, in pieces. */
const pagesMost = 50
const keptMs = 5000
const keptMost = 200

export function statisticsFace({ runs, now = Date.now }: StatisticsFaceParts): Face {
  const kept = new Map<string, { at: number; answer: Promise<StatisticsResponse> }>()
  const turns = new CallerTurns()
  const answerFor = async (hours: number, principal: Principal): Promise<StatisticsResponse> => {
    const caller = JSON.stringify(principal.admin ? null : principal.user)
    const key = `${caller} ${hours}`
    const known = kept.get(key)
    if (known !== undefined && now() - known.at < keptMs) return known.answer
    const answer = turns.read(caller, () => statisticsOf(runs, hours, principal, now()))
    kept.delete(key)
    kept.set(key, { at: now(), answer })
    // What failed is not kept.
    answer.catch(() => kept.delete(key))
    if (kept.size > keptMost) kept.delete(kept.keys().next().value as string)
    return answer
  }
  return {
    routes(app) {
      app.get(
        '/api/statistics',
        {
          config: { refuses: ['rate_limited'] },
          schema: {
            tags: ['runs'],
            summary: 'Runs, outcomes, waits and costs over time',
            querystring: statisticsQuery,
            response: { 200: statisticsResponse },
          },
        },
        (request) => answerFor(request.query.hours, principalOf(request)),
      )
    },
  }
}

async function statisticsOf(
  runs: Pick<Runs, 'list'>,
  hours: number,
  principal: Principal,
  now: number,
): Promise<StatisticsResponse> {
  const intervals = intervalsOf(hours, now)
  const buckets = new Buckets(intervals)
  let cursor: string | undefined
  let complete = false
  for (let page = 0; page < pagesMost && !complete; page++) {
    const found = await runs.list({ limit: pageRuns, cursor }, principal)
    for (const run of found.runs) buckets.add(run)
    const oldest = found.runs.at(-1)
    complete = found.nextCursor === null || oldest === undefined || oldest.createdAt < intervals.from
    cursor = found.nextCursor ?? undefined
  }
  return { ...intervals, complete, buckets: buckets.toArray() }
}
