/** `millrace follow`, and the second half of every command that starts a run: shows it until it ends. */
import type { Run } from '@millrace/protocol'
import { runResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import { callJson, explain, runPath } from '#cli/api'
import { type Connection, connect, whereOf } from '#cli/connect'
import { exitCodeOfEvent, exitCodeOfRun, exitCodes } from '#cli/exit-codes'
import { type Followed, follow } from '#cli/follow'
import { findRunId, runArgument } from '#cli/run-id'
import { AgentPrinter } from '#cli/show/agent-printer'
import { RunPrinter } from '#cli/show/run-printer'
import type { TalkOptions } from '#cli/show/talk'
import { installSignals } from '#cli/signals'
import { type Io, Terminal } from '#cli/terminal'
import { postAnswer, postFinish, postMessage } from './answer.ts'
import { type CommandContext, type FollowFlags, following } from './command.ts'

/** A run that is shown, and where. */
interface Shown {
  run: Run
  connection: Connection
  terminal: Terminal
  io: Io
  waitSeconds: number
  /** What is typed are messages to the agent. */
  talks?: boolean
}

interface Printer {
  begin(): Promise<void>
  show(followed: Followed): Promise<void>
  note(text: string): Promise<void>
  end?(): void
}

export function declare(program: Command, { io, end }: CommandContext): void {
  following(
    program
      .command('follow')
      .argument('<run>', runArgument)
      .description('follow a run from its beginning to its end'),
  )
    .addHelpText('after', '\nCtrl-C stops following; the run continues.')
    .action(async (run: string, flags: FollowFlags) => end(await followCommand(run, flags, io)))
}

async function followCommand(given: string, flags: FollowFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const connection = await connect(whereOf(flags, io))
  const runId = await findRunId(connection.server, given)
  const { run } = await callJson(connection.server, runPath(runId), runResponse)
  const leave = new AbortController()
  const release = installSignals({ onFirst: () => leave.abort(), onSecond: () => leave.abort() })
  try {
    const shown = { run, connection, terminal, io, waitSeconds: flags.wait }
    return await showToEnd(shown, printerFor(shown), leave.signal)
  } finally {
    release()
  }
}

/** Shows a run that this command started: Ctrl-C aborts it and waits for its end; a second one leaves. */
export async function showOwn(shown: Shown): Promise<number> {
  const { run, connection, terminal } = shown
  if (connection.isElsewhere) {
    const where = run.project === null ? '' : `, in project ${run.project}`
    await terminal.note(`no server runs in this folder: using ${connection.server.url}${where}`)
  }
  const printer = printerFor(shown)
  const leave = new AbortController()
  const release = installSignals({
    onFirst: () => {
      void abort(run.id, connection, printer).catch(async (error: unknown) => {
        await printer.note(`the run could not be aborted: ${explain(error)}`)
        leave.abort()
      })
    },
    onSecond: () => leave.abort(),
  })
  try {
    return await showToEnd(shown, printer, leave.signal)
  } finally {
    release()
  }
}

async function abort(runId: string, connection: Connection, printer: Printer): Promise<void> {
  await printer.note('aborting the run; interrupt again to leave without waiting')
  const server = (await connection.again()) ?? connection.server
  await callJson(server, `${runPath(runId)}/abort`, runResponse, { method: 'POST' })
}

/** Returns the exit code of the run, or `aborted` if `leave` came first. */
async function showToEnd(shown: Shown, printer: Printer, leave: AbortSignal): Promise<number> {
  const { run, connection, waitSeconds } = shown
  await printer.begin()
  try {
    const events = follow({ runId: run.id, connection, signal: leave, waitMs: waitSeconds * 1000 })
    for await (const followed of events) {
      await printer.show(followed)
      if (followed.kind === 'over') break
      if (followed.kind !== 'event') continue
      const code = exitCodeOfEvent(run.kind, followed)
      if (code !== undefined) return code
    }
    return await codeOfRecord(run.id, connection)
  } catch (error) {
    if (!leave.aborted) throw error
    await printer.note(`left; the run continues: millrace follow ${run.id}`)
    return exitCodes.aborted
  } finally {
    printer.end?.()
  }
}

function printerFor({ run, connection, terminal, io, talks = false }: Shown): Printer {
  const isAgent = run.kind === 'session' || run.kind === 'execution'
  if (terminal.json || !isAgent) return new RunPrinter(terminal, run)
  return new AgentPrinter({
    run,
    io,
    answer: async (approvalId, answer) => {
      const server = (await connection.again()) ?? connection.server
      return postAnswer(server, run.id, approvalId, answer)
    },
    talk: talks ? talkTo(run.id, connection) : undefined,
  })
}

function talkTo(runId: string, connection: Connection): Pick<TalkOptions, 'send' | 'finish'> {
  const there = async () => (await connection.again()) ?? connection.server
  return {
    send: async (text, mode) => postMessage(await there(), runId, { text, mode }),
    finish: async () => postFinish(await there(), runId),
  }
}

/** The log ended without the terminal event among the events sent; the run's record has its outcome. */
async function codeOfRecord(runId: string, connection: Connection): Promise<number> {
  const server = (await connection.again()) ?? connection.server
  const { run } = await callJson(server, runPath(runId), runResponse)
  switch (run.state) {
    case 'queued':
    case 'starting':
    case 'running':
      return exitCodes.unavailable
    default:
      return exitCodeOfRun(run.kind, run.state, run.result)
  }
}
