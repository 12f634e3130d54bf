/** `millrace ask`, and going on with what was asked: `resume` and `retry`. */
import { text as readAll } from 'node:stream/consumers'
import { projectsResponse, type ResumeRunBody, runResponse, type StartSessionBody } from '@millrace/protocol'
import { callJson, runPath } from '#cli/api'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { CliError, type Io, Terminal } from '#cli/terminal'
import { type FollowFlags, showOwn } from './follow.ts'

export interface AskFlags extends FollowFlags {
  project?: string
  cwd?: string
  model?: string
  approvals?: 'on' | 'off'
}

export interface ResumeFlags extends FollowFlags {
  prompt?: string
}

/** `given` is `-` or absent for a prompt that is read from standard input. */
export async function askCommand(given: string | undefined, flags: AskFlags, io: Io): Promise<number> {
  const prompt = await readPrompt(given ?? '-', given === undefined, io)
  const connection = await connect(whereOf(flags, io))
  const { cwd, model, approvals } = flags
  const body: StartSessionBody = {
    kind: 'session',
    project: flags.project ?? (await onlyProject(connection.server)),
    prompt,
    ...(cwd === undefined ? {} : { cwd }),
    ...(model === undefined ? {} : { model }),
    ...(approvals === undefined ? {} : { approvals }),
  }
  return startAndShow('/api/runs', body, connection, flags, io)
}

export async function resumeCommand(runId: string, flags: ResumeFlags, io: Io): Promise<number> {
  const body: ResumeRunBody =
    flags.prompt === undefined ? {} : { prompt: await readPrompt(flags.prompt, false, io) }
  const connection = await connect(whereOf(flags, io))
  return startAndShow(`${runPath(runId)}/resume`, body, connection, flags, io)
}

/** Of a run of any kind. */
export async function retryCommand(runId: string, flags: FollowFlags, io: Io): Promise<number> {
  const connection = await connect(whereOf(flags, io))
  return startAndShow(`${runPath(runId)}/retry`, undefined, connection, flags, io)
}

async function startAndShow(
  path: string,
  body: StartSessionBody | ResumeRunBody | undefined,
  connection: Awaited<ReturnType<typeof connect>>,
  flags: FollowFlags,
  io: Io,
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { run } = await callJson(connection.server, path, runResponse, { method: 'POST', body })
  return showOwn({ run, connection, terminal, io, waitSeconds: flags.wait })
}

async function readPrompt(given: string, absent: boolean, { stdin }: Io): Promise<string> {
  if (given !== '-') {
    if (given.trim() === '') throw new CliError('the prompt is empty', exitCodes.usage)
    return given
  }
  if (stdin === undefined || (absent && stdin.isTTY)) {
    throw new CliError('what should be done? millrace ask "<prompt>", or - to read it', exitCodes.usage)
  }
  const prompt = (await readAll(stdin)).trim()
  if (prompt === '') throw new CliError('the prompt on standard input is empty', exitCodes.usage)
  return prompt
}

/** Where there is only one; otherwise a person has to choose. */
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
