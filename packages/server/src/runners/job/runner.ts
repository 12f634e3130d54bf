/**
 * Runs of kind `job`: one tool's command, its output line by line.
 *
 * Owns, per run: the process and the timer of its time limit. Both are gone when `run` returns or throws.
 * Order at the end: end the tree, drain its pipes, return.
 */
import { type ExecutionResponse, MillraceError, messageOf, type StreamErrorEvent } from '@millrace/protocol'
import type { SandboxedProcess } from '@millrace/sandbox'
import { resolveCommand } from '#config/command-template'
import type { Tool } from '#config/config'
import { graceMs, graceOf } from '#runners/grace'
import { defaultProcessLimits } from '#runners/limits'
import type { RunContext, Runner, RunOutcome } from '#runners/runner'
import { type Clock, wallClock } from '#time/clock'
import { Output, type OutputOptions } from './output.ts'
import { TerminalOutput } from './terminal-output.ts'

export interface JobRunnerOptions {
  tools: ReadonlyMap<string, Tool>
  /** Of every run, see `run-environment.ts` of the configuration; a tool's own variables come after it. */
  environment?: Readonly<Record<string, string>>
  /** The largest event, in bytes of JSON; longer lines are cut. */
  eventBytes: number
  /** Of a run whose tool sets no limit. */
  outputBytes?: number | undefined
  clock?: Clock
}

/** Output of a tool that names no limit of its own: a gigabyte of log for one run. */
export const defaultOutputBytes = 1024 ** 3
export function createJobRunner(options: JobRunnerOptions): Runner<RunOutcome> {
  const { tools, environment = {}, eventBytes, outputBytes = defaultOutputBytes, clock = wallClock } = options
  return {
    kind: 'job',
    async run(context) {
      const prepared = prepare(context, tools)
      if ('message' in prepared) return couldNotStart(prepared.message)
      if (context.signal.aborted) return couldNotStart('ended before it started')
      let process: SandboxedProcess
      try {
        process = await spawn(context, prepared, jobEnvironment(environment, prepared.tool.env))
      } catch (error) {
        return couldNotStart(messageOf(error))
      }
      return attend(process, prepared, { context, clock, eventBytes, outputBytes })
    },
    endedData: (_run, state, message, cause) =>
      ({ message, state, ...(cause === 'quota' && { limit: 'quota' }) }) satisfies StreamErrorEvent,
  }
}

interface Prepared {
  tool: Tool
  project: { id: string; path: string }
  argv: [string, ...string[]]
}

/** The spec was checked when the run was created, but the configuration may have changed since. */
function prepare(context: RunContext, tools: ReadonlyMap<string, Tool>): Prepared | { message: string } {
  const { tool: toolId, args } = context.run.spec
  const { project } = context
  const tool = typeof toolId === 'string' ? tools.get(toolId) : undefined
  if (tool === undefined) return { message: `The tool ${String(toolId)} is no longer in the configuration` }
  if (project === null) {
    return { message: `The project ${context.run.project ?? ''} is no longer in the configuration` }
  }
  try {
    return { tool, project, argv: resolveCommand(tool, project, (args ?? {}) as Record<string, unknown>) }
  } catch (error) {
    if (error instanceof MillraceError) return { message: error.message }
    throw error
  }
}

function spawn(
  context: RunContext,
  { tool, project, argv }: Prepared,
  env: Record<string, string>,
): Promise<SandboxedProcess> {
  return context.sandbox.spawn({
    runId: context.run.id,
    argv,
    cwd: project.path,
    env,
    projectPath: project.path,
    network: tool.network,
    allowNestedSandbox: tool.allowNestedSandbox,
    ...(tool.cache ? { cacheOwner: context.run.owner } : {}),
    limits: {
      memoryBytes: tool.limits.memoryBytes ?? defaultProcessLimits.memoryBytes,
      processes: tool.limits.processes ?? defaultProcessLimits.processes,
    },
    stdin: 'none',
    ...(tool.terminal === null ? {} : { terminal: tool.terminal }),
  })
}

/** Output arrives as a person would see it: in colour, and line by line. */
const usualEnvironment = {
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  TERM: 'xterm-256color',
  PYTHONUNBUFFERED: '1',
}
/** Cargo obeys neither FORCE_COLOR nor a like of it. */
const colours = { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' }

/** `CI` is not among them: it changes what tools do, and not only how they show it. */
export function jobEnvironment(
  everyRun: Readonly<Record<string, string>>,
  tool: Readonly<Record<string, string>>,
): Record<string, string> {
  const chosen = { ...everyRun, ...tool }
  // Node warns when a program is asked for both.
  return { ...usualEnvironment, ...(chosen.NO_COLOR === undefined ? colours : {}), ...chosen }
}

interface Surroundings {
  context: RunContext
  clock: Clock
  eventBytes: number
  outputBytes: number
}

async function attend(
  process: SandboxedProcess,
  prepared: Prepared,
  { context, clock, eventBytes, outputBytes }: Surroundings,
): Promise<RunOutcome> {
  const { tool } = prepared
  const startedAt = clock.now()
  let timedOut = false
  let overflowed = false
  const outputOptions = {
    context,
    clock,
    eventBytes,
    outputBytes: tool.limits.outputBytes ?? outputBytes,
    overflowed: () => {
      overflowed = true
      void end(0)
    },
  }
  const output = outputOf(process, tool, outputOptions)
  const end = (grace: number) => process.end(grace).then(() => output.drain())
  const abort = () => void end(graceOf(context.signal.reason))
  context.signal.addEventListener('abort', abort)
  if (context.signal.aborted) abort()
  const cancelTimer =
    tool.timeoutSeconds === null
      ? () => {}
      : clock.after(tool.timeoutSeconds * 1000, () => {
          timedOut = true
          void end(graceMs)
        })
  try {
    // Both precede the first line in the log; no line waits until they are on disk.
    const recorded = Promise.all([
      context.recordProcess({ pid: process.pid, startTime: process.startTime }),
      context.started({ boundary: context.sandbox.report.boundary }),
    ])
    output.start()
    const exit = await Promise.race([process.exited, recorded.then(() => process.exited)])
    const finishedAt = clock.now()
    cancelTimer()
    await process.end(0)
    await output.finish()
    await recorded
    if (exit.neverBegan) return couldNotStart(output.lastWords || 'the program could not be started')
    return completed({
      jobId: context.run.id,
      toolId: tool.id,
      projectId: prepared.project.id,
      success: exit.code === 0 && !timedOut && !overflowed && process.breach === undefined,
      exitCode: exit.code,
      signal: exit.signal,
      timedOut,
      durationMs: Math.max(finishedAt - startedAt, 0),
      queuedMs: Math.max(startedAt - context.run.createdAt, 0),
      outputLines: output.lines,
      startedAt,
      finishedAt,
      ...limitOf(process, overflowed),
    })
  } finally {
    cancelTimer()
    context.signal.removeEventListener('abort', abort)
    await process.end(0)
    process.stdout.destroy()
    process.stderr.destroy()
    output.stop()
  }
}

function outputOf(process: SandboxedProcess, tool: Tool, options: OutputOptions): Output | TerminalOutput {
  if (tool.terminal === null) return new Output(process.stdout, process.stderr, options)
  process.stderr.resume()
  return new TerminalOutput(process.stdout, tool.terminal, options)
}

function limitOf(process: SandboxedProcess, overflowed: boolean): Pick<ExecutionResponse, 'limit'> {
  if (process.breach !== undefined) return { limit: process.breach }
  return overflowed ? { limit: 'output' } : {}
}

function completed(response: ExecutionResponse): RunOutcome {
  return { state: 'completed', data: { ...response }, result: response, error: null, usage: null }
}

function couldNotStart(reason: string): RunOutcome {
  const message = `Could not start: ${reason}`
  const data: StreamErrorEvent = { message, state: 'errored' }
  return { state: 'errored', data: { ...data }, result: null, error: { message }, usage: null }
}
