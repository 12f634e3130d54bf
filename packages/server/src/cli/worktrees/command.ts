/** `millrace worktrees`: what sessions made in worktrees of a project, and what becomes of it. */
import type { MergeWorktreeBody, Worktree } from '@millrace/protocol'
import {
  mergeWorktreeResponse,
  worktreeChangesResponse,
  worktreeResponse,
  worktreesResponse,
} from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import { callJson } from '#cli/api'
import { type CommandContext, ofServer, type ServerFlags } from '#cli/commands/command'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, printable, Terminal, table } from '#cli/terminal'

interface ListFlags extends ServerFlags {
  project?: string
}

interface MergeFlags extends ServerFlags {
  message?: string
  keep?: boolean
}

const worktreeArgument = 'its branch, its id, or the beginning of its id'

export function declare(program: Command, { io, end }: CommandContext): void {
  const worktrees = program
    .command('worktrees')
    .description('list the worktrees of sessions; diff, merge, keep or discard one')
  ofServer(worktrees.command('list', { isDefault: true }).description('list the worktrees of your sessions'))
    .option('--project <id>', 'only those of this project')
    .action(async (flags: ListFlags) => end(await listCommand(flags, io)))
  const one = (name: string, what: string) =>
    ofServer(worktrees.command(name).argument('<worktree>', worktreeArgument).description(what))
  one('diff', 'show its changes since its base').action(async (given: string, flags: ServerFlags) =>
    end(await diffCommand(given, flags, io)),
  )
  one('merge', 'commit its work and merge it into the branch of the project')
    .option('--message <text>', 'message of the commits')
    .option('--keep', 'do not remove the worktree and its branch afterwards')
    .action(async (given: string, flags: MergeFlags) => end(await mergeCommand(given, flags, io)))
  one('keep', 'exempt it from retention').action(async (given: string, flags: ServerFlags) =>
    end(await changeCommand(given, flags, io, { method: 'POST', path: '/keep', done: 'is kept' })),
  )
  one('discard', 'delete it with its work, and the branch that was made for it').action(
    async (given: string, flags: ServerFlags) =>
      end(await changeCommand(given, flags, io, { method: 'DELETE', path: '', done: 'was discarded' })),
  )
}

async function listCommand(flags: ListFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const all = await listOf(server)
  const found = all.filter(({ project }) => flags.project === undefined || project === flags.project)
  if (terminal.json) {
    await terminal.value({ worktrees: found })
    return exitCodes.ok
  }
  const rows = found.map((one) => [
    one.id.slice(0, 8),
    printable(one.project),
    printable(one.branch),
    stateOf(one),
    printable(one.path),
  ])
  const [header = '', ...lines] = table([['ID', 'PROJECT', 'BRANCH', 'STATE', 'PATH'], ...rows])
  await terminal.line(terminal.styled('bold', header))
  for (const line of lines) await terminal.line(line)
  return exitCodes.ok
}

function stateOf({ state, run, kept }: Worktree): string {
  const said = [
    run === null ? '' : 'in use',
    ...(state === null
      ? ['unknown']
      : [
          state.ahead > 0 ? `${state.ahead} ahead` : '',
          state.behind > 0 ? `${state.behind} behind` : '',
          state.uncommitted > 0 ? `${state.uncommitted} not committed` : '',
        ]),
    kept ? 'kept' : '',
  ].filter((word) => word !== '')
  return said.join(', ') || 'nothing new'
}

async function diffCommand(given: string, flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const { id } = await find(server, given)
  const changes = await callJson(server, `/api/worktrees/${id}/changes`, worktreeChangesResponse)
  if (terminal.json) {
    await terminal.value(changes)
    return exitCodes.ok
  }
  for (const { path, status, additions, deletions, diff } of changes.files) {
    await terminal.line(terminal.styled('bold', `${printable(path)} ${status} (+${additions} −${deletions})`))
    if (diff !== '') for (const line of diff.split('\n')) await terminal.line(printable(line))
  }
  if (changes.filesLeftOut > 0) await terminal.note(`… ${changes.filesLeftOut} more files`)
  return exitCodes.ok
}

async function mergeCommand(given: string, flags: MergeFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const { id, branch } = await find(server, given)
  const body: MergeWorktreeBody = {
    ...(flags.message === undefined ? {} : { message: flags.message }),
    ...(flags.keep ? { keep: true } : {}),
  }
  const merged = await callJson(server, `/api/worktrees/${id}/merge`, mergeWorktreeResponse, {
    method: 'POST',
    body,
  })
  if (terminal.json) await terminal.value(merged)
  else {
    const commits = merged.commits === 1 ? '1 commit' : `${merged.commits} commits`
    await terminal.line(
      `${printable(branch)} merged into ${printable(merged.into)}: ${commits}, now ${merged.commit.slice(0, 12)}`,
    )
  }
  return exitCodes.ok
}

async function changeCommand(
  given: string,
  flags: ServerFlags,
  io: Io,
  { method, path, done }: { method: 'POST' | 'DELETE'; path: string; done: string },
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const { id } = await find(server, given)
  const answer = await callJson(server, `/api/worktrees/${id}${path}`, worktreeResponse, { method })
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${printable(answer.worktree.branch)} ${done}`)
  return exitCodes.ok
}

async function listOf(server: Server): Promise<Worktree[]> {
  return (await callJson(server, '/api/worktrees', worktreesResponse)).worktrees
}

async function find(server: Server, given: string): Promise<Worktree> {
  const all = await listOf(server)
  const named = all.filter(({ id, branch }) => branch === given || id === given)
  const found = named.length > 0 ? named : all.filter(({ id }) => given.length >= 4 && id.startsWith(given))
  const [first, ...others] = found
  if (first !== undefined && others.length === 0) return first
  throw new CliError(
    first === undefined
      ? `there is no worktree ${printable(given)}`
      : `there are several worktrees ${printable(given)}; name one by its id`,
    exitCodes.usage,
  )
}
