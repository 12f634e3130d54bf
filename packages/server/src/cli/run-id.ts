/** Finds the run that a person names: by its id, by the beginning of it, or as `@last`. */
import { listRunsResponse } from '@millrace/protocol/schemas'
import { callJson } from './api.ts'
import type { Server } from './connect.ts'
import { exitCodes } from './exit-codes.ts'
import { CliError } from './terminal.ts'

/** How the commands describe their argument. */
export const runArgument = 'id of the run, the beginning of its id, or @last'

const uuidChars = 36
const prefixCharsMin = 4
const shownMax = 5

/** Returns the whole id. What cannot be the beginning of one is returned as it is: the server says that it is unknown. */
export async function findRunId(server: Server, given: string): Promise<string> {
  if (given === '@last') return lastRun(server)
  const prefix = given.toLowerCase()
  if (prefix.length === uuidChars || !/^[0-9a-f-]+$/.test(prefix)) return given
  if (prefix.length < prefixCharsMin) {
    const text = `${JSON.stringify(given)} is too short for the beginning of an id: use at least ${prefixCharsMin} characters`
    throw new CliError(text, exitCodes.usage)
  }
  const [found, ...others] = await runsBeginningWith(server, prefix)
  if (found === undefined)
    throw new CliError(`no run has an id that begins with ${given}`, exitCodes.unavailable)
  if (others.length === 0) return found
  const list = [found, ...others].slice(0, shownMax).map((id) => `\n  ${id}`)
  throw new CliError(
    `several runs have ids that begin with ${given}; use more of it:${list.join('')}`,
    exitCodes.usage,
  )
}

/** The newest run that the caller may see. */
async function lastRun(server: Server): Promise<string> {
  const { runs } = await callJson(server, '/api/runs?limit=1', listRunsResponse)
  const [last] = runs
  if (last === undefined) throw new CliError('@last: there are no runs yet', exitCodes.unavailable)
  return last.id
}

/** The server finds the text anywhere in an id or in a name; only ids that begin with it count. */
async function runsBeginningWith(server: Server, prefix: string): Promise<string[]> {
  const found: string[] = []
  let cursor: string | null = null
  do {
    const query = new URLSearchParams({ q: prefix, limit: '200', ...(cursor === null ? {} : { cursor }) })
    const page = await callJson(server, `/api/runs?${query}`, listRunsResponse)
    found.push(...page.runs.map(({ id }) => id).filter((id) => id.startsWith(prefix)))
    cursor = page.nextCursor
  } while (cursor !== null && found.length <= shownMax)
  return found
}
