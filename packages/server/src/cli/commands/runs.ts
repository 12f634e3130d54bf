/** `millrace runs`: lists runs, newest first. */
import type { Run } from '@millrace/protocol'
import { listRunsResponse } from '@millrace/protocol/schemas'
import { clip } from '@millrace/protocol/view'
import type { Command } from 'commander'
import { callJson } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { type Io, printable, Terminal, table } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

interface RunsFlags extends ServerFlags {
  kind?: string
  state?: string
  project?: string
  limit?: string
  cursor?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('runs').description('list runs, newest first'))
    .option('--kind <kind>', 'only runs of this kind')
    .option('--state <state>', 'only runs in this state')
    .option('--project <id>', 'only runs in this project')
    .option('--limit <n>', 'how many')
    .option('--cursor <cursor>', 'where the previous page ended')
    .action(async (flags: RunsFlags) => end(await runsCommand(flags, io)))
}

async function runsCommand(flags: RunsFlags, io: Io): Promise<number> {
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

const promptCharsMax = 40

/** The tool of a job; the beginning of a session's prompt. */
function whatOf({ kind, spec }: Run): string {
  if (typeof spec.tool === 'string') return spec.tool
  return typeof spec.prompt === 'string' ? clip(spec.prompt.trim(), promptCharsMax) : kind
}

function rowOf(run: Run): string[] {
  const what = whatOf(run)
  const ended = run.startedAt !== null && run.finishedAt !== null
  const took = ended ? `${(((run.finishedAt ?? 0) - (run.startedAt ?? 0)) / 1000).toFixed(1)} s` : ''
  const created = new Date(run.createdAt).toISOString().slice(0, 19).replace('T', ' ')
  return [run.id, run.state, printable(what), printable(run.project ?? ''), created, took]
}
