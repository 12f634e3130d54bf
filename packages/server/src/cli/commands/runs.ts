/** `millrace runs`: lists runs, newest first. */
import type { Run } from '@millrace/protocol'
import { listRunsResponse } from '@millrace/protocol/schemas'
import { nameOf, resultText } from '@millrace/protocol/view'
import type { Command } from 'commander'
import { callJson } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { type Io, printable, Terminal, table } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

interface RunsFlags extends ServerFlags {
  kind?: string
  state?: string
  outcome?: string
  failed?: boolean
  owner?: string
  search?: string
  project?: string
  limit?: string
  cursor?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(program.command('runs').description('list runs, newest first'))
    .option('--kind <kind>', 'only runs of this kind')
    .option('--state <state>', 'only runs in this state')
    .option('--outcome <outcome>', 'only runs with this outcome: success, failure, aborted or interrupted')
    .option('--failed', 'only runs that failed: the same as --outcome failure')
    .option('--owner <user>', 'only runs of this user (for admins)')
    .option('--search <text>', 'only runs with this text in their tool, title, prompt or id')
    .option('--project <id>', 'only runs in this project')
    .option('--limit <n>', 'how many to list')
    .option('--cursor <cursor>', 'the cursor that the previous page printed')
    .action(async (flags: RunsFlags) => end(await runsCommand(flags, io)))
}

async function runsCommand(flags: RunsFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const query = new URLSearchParams()
  const { failed, search: q, outcome = failed ? 'failure' : undefined } = flags
  const asked = { ...flags, outcome, q }
  for (const name of ['kind', 'state', 'outcome', 'project', 'owner', 'q', 'limit', 'cursor'] as const) {
    const value = asked[name]
    if (value !== undefined) query.set(name, value)
  }
  const path = query.size === 0 ? '/api/runs' : `/api/runs?${query}`
  const page = await callJson(server, path, listRunsResponse)
  if (terminal.json) {
    await terminal.value(page)
    return exitCodes.ok
  }
  const header = ['RUN', 'RESULT', 'WHAT', 'PROJECT', 'CREATED', 'TOOK']
  const [first = '', ...lines] = table([header, ...page.runs.map(rowOf)])
  await terminal.line(terminal.styled('bold', first))
  for (const [index, line] of lines.entries()) {
    await terminal.line(page.runs[index]?.outcome === 'failure' ? terminal.styled('red', line) : line)
  }
  if (page.nextCursor !== null) await terminal.note(`more: --cursor ${page.nextCursor}`)
  return exitCodes.ok
}

const nameCharsMax = 40

function rowOf(run: Run): string[] {
  const ended = run.startedAt !== null && run.finishedAt !== null
  const took = ended ? `${(((run.finishedAt ?? 0) - (run.startedAt ?? 0)) / 1000).toFixed(1)} s` : ''
  const created = new Date(run.createdAt).toISOString().slice(0, 19).replace('T', ' ')
  return [
    run.id,
    printable(resultText(run)),
    printable(nameOf(run, nameCharsMax)),
    printable(run.project ?? ''),
    created,
    took,
  ]
}
