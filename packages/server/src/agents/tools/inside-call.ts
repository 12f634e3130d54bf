/** Runs the program of a file tool in the sandbox: the request on its stdin, its answer on its stdout. */
import { realpathSync } from 'node:fs'
import type { ProcessExit } from '@millrace/sandbox'
import { CallProcess } from './call-process.ts'
import { type InsideTool, programArguments, programFiles } from './program.ts'
import type { ToolContext, ToolResult } from './tool.ts'

export interface InsideCall {
  tool: InsideTool
  request: Record<string, unknown>
  timeoutSeconds: number
  network?: boolean
  /** Default: nothing but a locale. */
  env?: Readonly<Record<string, string>>
}

/** An answer is far smaller; a longer one is not from our program. */
const answerCharsMax = 8 * 1024 ** 2
const stderrCharsMax = 2000
const environment = { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' }

export async function callInside(context: ToolContext, call: InsideCall): Promise<ToolResult> {
  const { tool, request, timeoutSeconds, network = false, env = {} } = call
  const node = realpathSync(process.execPath)
  const running = await CallProcess.start(context, {
    argv: [node, ...programArguments(tool)],
    env: { ...environment, ...env },
    network,
    stdin: 'pipe',
    timeoutSeconds,
    readPaths: [node],
    homeFiles: await programFiles(tool),
  })
  const { stdin, stdout, stderr } = running.process
  try {
    stdin.end(JSON.stringify(request))
    const [answer, complaint, exit] = await Promise.all([
      textOf(stdout, answerCharsMax),
      textOf(stderr, stderrCharsMax),
      running.exited,
    ])
    if (running.cut !== null) return { ok: false, text: cutText(running.cut, timeoutSeconds) }
    return answerIn(answer) ?? { ok: false, text: brokenText(running, exit, complaint) }
  } finally {
    await running.close()
  }
}

export function cutText(cut: 'aborted' | 'timeout', timeoutSeconds: number): string {
  return cut === 'timeout'
    ? `The call took longer than ${timeoutSeconds} second${timeoutSeconds === 1 ? '' : 's'} and was ended.`
    : 'The call was ended before it had finished.'
}

export function breachText(breach: CallProcess['process']['breach']): string | null {
  switch (breach) {
    case undefined:
      return null
    case 'memory':
      return 'It was ended because it used more memory than a run may.'
    case 'processes':
      return 'It was ended because it started more processes than a run may.'
    case 'disk':
      return "It was ended because it was about to fill the server's disk."
    case 'protected':
      return 'It was ended because it kept creating files that other programs would run.'
    default:
      return breach satisfies never
  }
}

function brokenText({ process: { breach } }: CallProcess, exit: ProcessExit, complaint: string): string {
  const how = exit.signal ?? `exit code ${exit.code}`
  return `The tool failed (${how}). ${breachText(breach) ?? complaint.trim()}`
}

function answerIn(text: string): ToolResult | null {
  try {
    const answer: unknown = JSON.parse(text)
    return isResult(answer) ? answer : null
  } catch {
    return null
  }
}

function isResult(value: unknown): value is ToolResult {
  const { ok, text } = (value ?? {}) as Partial<ToolResult>
  return typeof ok === 'boolean' && typeof text === 'string'
}

/** Reads a pipe to its end and keeps its first characters. */
async function textOf(pipe: NodeJS.ReadableStream, charsMax: number): Promise<string> {
  pipe.setEncoding('utf8')
  let text = ''
  for await (const chunk of pipe) if (text.length < charsMax) text += chunk
  return text
}
