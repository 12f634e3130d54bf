/** `millrace follow` and the second half of `millrace run`: shows a run until it ends. */
import { type Run, runResponse } from '@millrace/protocol'
import { callJson } from './api.ts'
import { type Connection, connect, type Where } from './connect.ts'
import { exitCodeOfEvent, exitCodeOfRun, exitCodes } from './exit-codes.ts'
import { follow } from './follow.ts'
import { RunPrinter } from './run-printer.ts'
import { installSignals } from './signals.ts'
import { type Io, Terminal } from './terminal.ts'

export interface FollowFlags {
  url?: string
  data?: string
  json?: boolean
  /** Seconds. */
  wait: number
}

export async function followCommand(runId: string, flags: FollowFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const connection = await connect(whereOf(flags, io))
  const { run } = await callJson(connection.server, runPath(runId), runResponse)
  const leave = new AbortController()
  const release = installSignals({ onFirst: () => leave.abort(), onSecond: () => leave.abort() })
  try {
    return await showToEnd(run, connection, terminal, flags.wait, leave.signal)
  } finally {
    release()
  }
}

/** The exit code of the run, or `aborted` when `leave` came first. */
export async function showToEnd(
  run: Run,
  connection: Connection,
  terminal: Terminal,
  waitSeconds: number,
  leave: AbortSignal,
): Promise<number> {
  const printer = new RunPrinter(terminal, run)
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
    await terminal.note(`left; the run goes on: millrace follow ${run.id}`)
    return exitCodes.aborted
  }
}

/** The log ended without the terminal event among what was sent: the run's own record knows. */
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

export function runPath(runId: string): string {
  return `/api/runs/${encodeURIComponent(runId)}`
}

export function whereOf(flags: { url?: string; data?: string }, io: Io): Where {
  return { url: flags.url, data: flags.data, env: io.env, cwd: io.cwd }
}
