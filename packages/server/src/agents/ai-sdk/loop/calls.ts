/** Answers one call of the model: by the gate, then by the tool. */
import { isDeepStrictEqual } from 'node:util'
import { messageOf, type ToolStatus } from '@millrace/protocol'
import type { AgentTool } from '#agents/tools/tool'
import type { Shared } from './shared.ts'
import type { StepCall } from './step.ts'

export interface CallParts {
  shared: Shared
  parentToolCallId: string | undefined
  /** Reports live output. */
  output(text: string): void
}

export interface Answered {
  status: Exclude<ToolStatus, 'cancelled'>
  /** What the model reads. */
  text: string
  /** What people see. Default: the text. */
  result?: unknown
}

export const taskToolName = 'task'

export async function answerCall(
  call: StepCall,
  parts: CallParts,
  runTask: (call: StepCall, parts: CallParts) => Promise<Answered>,
): Promise<Answered> {
  if (call.problem !== null) return { status: 'error', text: call.problem }
  try {
    if (call.name === taskToolName) {
      const denied = await denialOf(call, { tool: 'Agent', input: { ...(call.input as object) } }, parts)
      return denied ?? (await runTask(call, parts))
    }
    const tool = parts.shared.tools.find(({ name }) => name === call.name)
    if (tool === undefined) return { status: 'error', text: `There is no tool "${call.name}".` }
    return await runTool(tool, call, parts)
  } finally {
    parts.shared.host.gate.forget(call.id)
  }
}

async function runTool(tool: AgentTool, call: StepCall, parts: CallParts): Promise<Answered> {
  const parsed = tool.input.safeParse(call.input)
  if (!parsed.success)
    return { status: 'error', text: `The input does not fit the tool: ${parsed.error.message}` }
  // A copy, so that the judged input is the one that runs.
  const input = structuredClone(parsed.data)
  const { turns, task, signal } = parts.shared
  const turn = await (tool.fileOf === undefined ? null : turns.enter(tool.fileOf(input, task.cwd)))
  try {
    const denied = await denialOf(call, tool.judgedAs(input), parts)
    if (denied !== null) return denied
    if (turn !== null) await unlessAborted(turn.comes, signal)
    return await carryOut(tool, input, parts)
  } finally {
    turn?.leave()
  }
}

async function carryOut(tool: AgentTool, input: unknown, parts: CallParts): Promise<Answered> {
  const { task, host, environment, limits, signal, room } = parts.shared
  const { runId, projectPath, cwd, cacheOwner } = task
  try {
    const running = tool.run(input, {
      runId,
      projectPath,
      cwd,
      cacheOwner,
      environment,
      limits,
      signal,
      sandbox: host.sandbox,
      recordProcess: (process) => host.recordProcess(process),
    })
    let next = await running.next()
    for (; next.done !== true; next = await running.next()) {
      if (!signal.aborted && next.value !== '') parts.output(next.value)
      await room()
    }
    const { ok, text, details } = next.value
    const result = details === undefined ? text : { text, ...details }
    return { status: ok ? 'ok' : 'error', text, result }
  } catch (error) {
    return { status: 'error', text: `The tool failed: ${messageOf(error)}` }
  }
}

/** Null: the call may run, with exactly the input that was judged. */
async function denialOf(
  call: StepCall,
  judged: { tool: string; input: Record<string, unknown> },
  { shared, parentToolCallId }: CallParts,
): Promise<Answered | null> {
  const agent = parentToolCallId === undefined ? {} : { agentId: parentToolCallId }
  const { signal } = shared
  const permit = await unlessAborted(
    shared.host.gate.permit({ id: call.id, ...judged, ...agent, signal }),
    signal,
  )
  if (!permit.allowed) return { status: 'denied', text: `This call was denied: ${permit.reason}` }
  if (isDeepStrictEqual(permit.input, judged.input)) return null
  return { status: 'denied', text: 'This call was denied: its input was changed after the model made it.' }
}

/** The call was to end while it waited for people or for its turn. */
export class CallNotBegun extends Error {
  override readonly name = 'CallNotBegun'
}

/** People may take their time; a call that is to end does not wait for them. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(new CallNotBegun('the call was ended before it began', { cause: signal.reason }))
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
