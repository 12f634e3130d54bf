/** `millrace ask`, and its continuations: `resume`, `fork` and `retry`. */
import { text as readAll } from 'node:stream/consumers'
import type {
  ExecutionLimitsBody,
  ForkRunBody,
  ResumeRunBody,
  StartExecutionBody,
  StartSessionBody,
} from '@millrace/protocol'
import { projectsResponse, runResponse } from '@millrace/protocol/schemas'
import { type Command, Option } from 'commander'
import { callJson, runPath } from '#cli/api'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { findRunId, runArgument } from '#cli/run-id'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { type CommandContext, ctrlC, type FollowFlags, following } from './command.ts'
import { showOwn } from './follow.ts'

interface AskFlags extends FollowFlags {
  project?: string
  cwd?: string
  model?: string
  approvals?: 'on' | 'off'
  questions?: boolean
  agent?: string
  plan?: boolean
  context?: string
  limit?: string[]
  interactive?: boolean
  worktree?: true | string
}

interface ForkFlags extends FollowFlags {
  prompt: string
  at?: string
  worktree?: true | string
}

interface ResumeFlags extends FollowFlags {
  prompt?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  following(
    program.command('ask').argument('[prompt]').description('give an agent a task and follow it to its end'),
  )
    .option('--project <id>', 'the project to work in (may be omitted if there is only one)')
    .option('--cwd <dir>', 'the folder to work in, inside the project')
    .option('--model <name>', 'the model (default: as configured)')
    .option('--agent <name>', 'the agent, by its name in the configuration (default: claude)')
    .option('--plan', 'plan first, then work in phases: an execution, for which any model will do')
    .option('--context <text>', 'with --plan: background for the task')
    .option(
      '--limit <name=number>',
      'with --plan: iterations, tokens, seconds or usd; repeatable',
      (one: string, others: string[] = []) => [...others, one],
    )
    .option(
      '--worktree [branch]',
      'work in a git worktree, a new one or that of the branch, independently of other sessions',
    )
    .option(
      '--interactive',
      'hold a conversation: each line you type is a message, and the agent waits for one between turns',
    )
    .option('--questions', 'let it ask you questions, which are shown with the commands that answer them')
    .addOption(
      new Option(
        '--approvals <on|off>',
        'whether calls may wait for the approval of a person (default: as configured)',
      ).choices(['on', 'off']),
    )
    .addHelpText('after', `\nWith -, or without a prompt, the prompt is read from standard input.${ctrlC}`)
    .action(async (prompt: string | undefined, flags: AskFlags) => end(await askCommand(prompt, flags, io)))

  following(
    program
      .command('resume')
      .argument('<run>', runArgument)
      .description('continue the conversation of a session or an execution'),
  )
    .option(
      '--prompt <text>',
      'the next message to the agent, - for standard input (default: asks it to continue)',
    )
    .addHelpText('after', ctrlC)
    .action(async (run: string, flags: ResumeFlags) => end(await resumeCommand(run, flags, io)))

  following(
    program
      .command('fork')
      .argument('<run>', runArgument)
      .description('start a new session from a copy of the conversation of another'),
  )
    .requiredOption('--prompt <text>', 'the next message to the agent, - for standard input')
    .option('--at <event>', 'number of the last event to copy (default: the whole conversation)')
    .option('--worktree [branch]', 'work in a git worktree: a new one, or that of the branch')
    .addHelpText('after', ctrlC)
    .action(async (run: string, flags: ForkFlags) => end(await forkCommand(run, flags, io)))

  following(program.command('retry').argument('<run>', runArgument).description('repeat a run, as a new run'))
    .addHelpText('after', ctrlC)
    .action(async (run: string, flags: FollowFlags) => end(await retryCommand(run, flags, io)))
}

/** A prompt that is `-` or absent is read from standard input. */
async function askCommand(given: string | undefined, flags: AskFlags, io: Io): Promise<number> {
  checkFlags(flags)
  const { plan = false, interactive } = flags
  if (interactive && (given === undefined || given === '-')) {
    throw new CliError(
      '--interactive needs the first prompt as an argument: standard input is for the messages that follow',
      exitCodes.usage,
    )
  }
  const prompt = await readPrompt(given ?? '-', given === undefined, io)
  const connection = await connect(whereOf(flags, io))
  const project = flags.project ?? (await onlyProject(connection.server))
  const body = plan ? executionOf(prompt, project, flags) : sessionOf(prompt, project, flags)
  return startAndShow('/api/runs', body, connection, flags, io, interactive)
}

function sessionOf(
  prompt: string,
  project: string,
  { cwd, model, approvals, questions, agent, interactive, worktree }: AskFlags,
): StartSessionBody {
  return {
    kind: 'session',
    project,
    prompt,
    ...(cwd === undefined ? {} : { cwd }),
    ...(model === undefined ? {} : { model }),
    ...(approvals === undefined ? {} : { approvals }),
    ...(questions ? { questions: 'on' as const } : {}),
    ...(agent === undefined ? {} : { agent }),
    ...(interactive === undefined ? {} : { interactive }),
    ...(worktree === undefined ? {} : { worktree }),
  }
}

function executionOf(
  task: string,
  project: string,
  { context, model, approvals, limit }: AskFlags,
): StartExecutionBody {
  return {
    kind: 'execution',
    project,
    task,
    ...(context === undefined ? {} : { context }),
    ...(model === undefined ? {} : { model }),
    ...(limit === undefined ? {} : { limits: limitsOf(limit) }),
    ...(approvals === undefined ? {} : { approvals }),
  }
}

const limitNames = ['iterations', 'tokens', 'seconds', 'usd'] as const

/** `usd=0.5`. The server checks the number. */
function limitsOf(given: readonly string[]): ExecutionLimitsBody {
  const limits: ExecutionLimitsBody = {}
  for (const one of given) {
    const [name, number] = one.split('=')
    const known = limitNames.find((limit) => limit === name)
    if (known === undefined || !number || !Number.isFinite(Number(number))) {
      throw new CliError(
        `--limit ${one}: expected iterations, tokens, seconds or usd, then "=" and a number`,
        exitCodes.usage,
      )
    }
    limits[known] = Number(number)
  }
  return limits
}

/** Flags that mean something for only one of the two kinds of run. */
function checkFlags({ plan, cwd, context, limit, agent, interactive, worktree }: AskFlags): void {
  for (const [name, value] of Object.entries({ agent, worktree, interactive, cwd })) {
    if (plan && value !== undefined)
      throw new CliError(`--${name} cannot be combined with --plan`, exitCodes.usage)
  }
  const orphan = context !== undefined ? '--context' : limit !== undefined ? '--limit' : undefined
  if (!plan && orphan !== undefined) throw new CliError(`${orphan} needs --plan`, exitCodes.usage)
}

async function resumeCommand(given: string, flags: ResumeFlags, io: Io): Promise<number> {
  const body: ResumeRunBody =
    flags.prompt === undefined ? {} : { prompt: await readPrompt(flags.prompt, false, io) }
  const connection = await connect(whereOf(flags, io))
  const runId = await findRunId(connection.server, given)
  return startAndShow(`${runPath(runId)}/resume`, body, connection, flags, io)
}

async function forkCommand(given: string, flags: ForkFlags, io: Io): Promise<number> {
  const { at, worktree } = flags
  if (at !== undefined && !/^[1-9]\d{0,14}$/.test(at))
    throw new CliError(`--at ${at}: expected the number of an event`, exitCodes.usage)
  const body: ForkRunBody = {
    prompt: await readPrompt(flags.prompt, false, io),
    ...(at === undefined ? {} : { at: Number(at) }),
    ...(worktree === undefined ? {} : { worktree }),
  }
  const connection = await connect(whereOf(flags, io))
  const runId = await findRunId(connection.server, given)
  return startAndShow(`${runPath(runId)}/fork`, body, connection, flags, io)
}

/** Works for runs of every kind. */
async function retryCommand(given: string, flags: FollowFlags, io: Io): Promise<number> {
  const connection = await connect(whereOf(flags, io))
  const runId = await findRunId(connection.server, given)
  return startAndShow(`${runPath(runId)}/retry`, undefined, connection, flags, io)
}

async function startAndShow(
  path: string,
  body: StartSessionBody | StartExecutionBody | ForkRunBody | ResumeRunBody | undefined,
  connection: Awaited<ReturnType<typeof connect>>,
  flags: FollowFlags,
  io: Io,
  talks = false,
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { run } = await callJson(connection.server, path, runResponse, { method: 'POST', body })
  return showOwn({ run, connection, terminal, io, waitSeconds: flags.wait, talks })
}

async function readPrompt(given: string, absent: boolean, { stdin }: Io): Promise<string> {
  if (given !== '-') {
    if (given.trim() === '') throw new CliError('the prompt is empty', exitCodes.usage)
    return given
  }
  if (stdin === undefined || (absent && stdin.isTTY)) {
    throw new CliError(
      'a prompt is needed: millrace ask "<prompt>", or - to read it from standard input',
      exitCodes.usage,
    )
  }
  const prompt = (await readAll(stdin)).trim()
  if (prompt === '') throw new CliError('the prompt on standard input is empty', exitCodes.usage)
  return prompt
}

/** The only project; where there are several, the caller must choose. */
async function onlyProject(server: Server): Promise<string> {
  const { projects } = await callJson(server, '/api/projects', projectsResponse)
  const [first, ...others] = projects
  if (first !== undefined && others.length === 0) return first.id
  throw new CliError(
    first === undefined
      ? 'this server has no project'
      : `there are several projects; choose one with --project: ${projects.map(({ id }) => id).join(', ')}`,
    first === undefined ? exitCodes.unavailable : exitCodes.usage,
  )
}
