/** Commands that are one call: `runs`, `abort`, `login`. */
import { listRunsResponse, type Run, runResponse } from '@millrace/protocol'
import { z } from 'zod'
import { callJson, runPath } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { clip } from '#cli/show/tool-call'
import { type Io, printable, Terminal, table } from '#cli/terminal'

export interface ServerFlags {
  url?: string
  data?: string
  json?: boolean
}

export interface RunsFlags extends ServerFlags {
  kind?: string
  state?: string
  project?: string
  limit?: string
  cursor?: string
}

export async function runsCommand(flags: RunsFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const query = new URLSearchParams()
  for (const name of ['kind', 'state', 'project', 'limit', 'cursor'] as const) {
    const value = flags[name]
    if (value !== undefined) query.set(name, value)
  }
  const path = query.size === 0 ? '/api/runs' : `/api/runs?${query}`
  const page = await callJson(server, path, listRunsResponse)
  if (terminal.json) {
    await terminal.value(page)
    return exitCodes.ok
  }
  const header = ['RUN', 'STATE', 'WHAT', 'PROJECT', 'CREATED', 'TOOK']
  const [first = '', ...lines] = table([header, ...page.runs.map(rowOf)])
  await terminal.line(terminal.styled('bold', first))
  for (const [index, line] of lines.entries()) {
    const state = page.runs[index]?.state
    await terminal.line(state === 'errored' ? terminal.styled('red', line) : line)
  }
  if (page.nextCursor !== null) await terminal.note(`more: --cursor ${page.nextCursor}`)
  return exitCodes.ok
}

export async function abortCommand(runId: string, flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const answer = await callJson(server, `${runPath(runId)}/abort`, runResponse, { method: 'POST' })
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${answer.run.id} ${answer.run.state}`)
  return exitCodes.ok
}

const loginCode = z.object({ url: z.url(), expiresAt: z.number() })

export async function loginCommand(flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const login = await callJson(server, '/api/login-codes', loginCode, { method: 'POST' })
  if (terminal.json) await terminal.value(login)
  else await terminal.line(login.url)
  return exitCodes.ok
}

const promptLength = 40

/** The tool of a job; what a session was told, as far as it fits. */
function whatOf({ kind, spec }: Run): string {
  if (typeof spec.tool === 'string') return spec.tool
  return typeof spec.prompt === 'string' ? clip(spec.prompt.trim(), promptLength) : kind
}

function rowOf(run: Run): string[] {
  const what = whatOf(run)
  const ended = run.startedAt !== null && run.finishedAt !== null
  const took = ended ? `${(((run.finishedAt ?? 0) - (run.startedAt ?? 0)) / 1000).toFixed(1)} s` : ''
  const created = new Date(run.createdAt).toISOString().slice(0, 19).replace('T', ' ')
  return [run.id, run.state, printable(what), printable(run.project ?? ''), created, took]
}
