/** The tool `shell`: a command of bash, with its output as it is printed. */
import { constants } from 'node:os'
import type { NetworkAccess } from '@millrace/sandbox'
import { z } from 'zod'
import { takenAwayText } from '#agents/taken-away'
import { isReservedVariable } from '#config/agent-settings'
import { CallProcess } from './call-process.ts'
import { MiddleClip } from './clip.ts'
import { breachText, cutText } from './inside-call.ts'
import { wellFormed, withoutNul } from './paths.ts'
import type { AgentTool, ToolContext, ToolResult } from './tool.ts'

const commandCharsMax = 100_000
const timeoutSecondsDefault = 120
const timeoutSecondsMax = 1800
const outputCharsMax = 30_000
/** Of live output; the result has the end in any case. */
const liveCharsMax = 500_000

const input = z.object({
  command: withoutNul(wellFormed(z.string().min(1).max(commandCharsMax))).describe(
    'The command, in the language of bash.',
  ),
  description: z
    .string()
    .max(500)
    .optional()
    .describe('What the command does, in a few words, for people who follow the work.'),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(timeoutSecondsMax)
    .optional()
    .describe(
      `After how many seconds the command is ended. Default: ${timeoutSecondsDefault}, at most ${timeoutSecondsMax}.`,
    ),
})

/** The configuration may override these. */
const usual: Readonly<Record<string, string>> = {
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
  // Nobody is there to turn a page, or to answer.
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  PYTHONUNBUFFERED: '1',
}

export interface ShellOptions {
  /** What commands reach. */
  network: NetworkAccess
}

export function shellTool({ network }: ShellOptions): AgentTool {
  return {
    name: 'shell',
    description: `Run a command in bash, in the working directory. Standard output and standard error are shown together in the order they were printed, at most ${outputCharsMax} characters; of more, the middle is left out. Each call is a fresh shell: variables, "cd", files in /tmp and in the home directory are gone after it, and so are background processes; only files of the project last. There is no terminal and no input. ${reachOf(network)} To read, search and change files prefer the tools for it.`,
    input,
    judgedAs(given) {
      const { command, description } = input.parse(given)
      return { tool: 'Bash', input: { command, ...(description === undefined ? {} : { description }) } }
    },
    run: (given, context) => runShell(input.parse(given), context, network),
  }
}

async function* runShell(
  { command, timeoutSeconds = timeoutSecondsDefault }: z.infer<typeof input>,
  context: ToolContext,
  network: NetworkAccess,
): AsyncGenerator<string, ToolResult> {
  // One pipe for both outputs, in a shell of its own so that the command stays as it was judged.
  const merged = ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', 'bash', '-c', command] as const
  const running = await CallProcess.start(context, {
    argv: [...merged],
    env: { ...usual, ...unreserved(context.environment) },
    network,
    stdin: 'none',
    timeoutSeconds,
    ...(context.cacheOwner === undefined ? {} : { cacheOwner: context.cacheOwner }),
  })
  try {
    const clip = new MiddleClip(outputCharsMax)
    running.process.stderr.resume()
    running.process.stdout.setEncoding('utf8')
    let live = 0
    for await (const chunk of running.process.stdout) {
      const text = String(chunk)
      clip.push(text)
      if (live >= liveCharsMax) continue
      live += text.length
      yield live < liveCharsMax ? text : `${text}\n[… the rest of the output is not shown live …]\n`
    }
    return await resultOf(running, clip.text, timeoutSeconds, context)
  } finally {
    await running.close()
  }
}

async function resultOf(
  running: CallProcess,
  output: string,
  timeoutSeconds: number,
  { projectPath }: Pick<ToolContext, 'projectPath'>,
): Promise<ToolResult> {
  const exit = await running.exited
  const { breach } = running.process
  const timedOut = running.cut === 'timeout'
  const ok = exit.code === 0 && running.cut === null && breach === undefined
  const ending =
    running.cut === null ? (breachText(breach) ?? endingOf(exit)) : cutText(running.cut, timeoutSeconds)
  const printed = output === '' ? '(no output)' : output
  const notes = running.takenAway.map((path) => takenAwayText(projectPath, path))
  if (!ok) notes.unshift(ending)
  const apart = printed.endsWith('\n') ? '' : '\n'
  const text =
    notes.length === 0 ? printed : `${printed}${apart}${notes.map((note) => `[${note}]`).join('\n')}`
  const details = {
    exitCode: exit.code,
    signal: exit.signal,
    timedOut,
    ...(breach === undefined ? {} : { limit: breach }),
  }
  return { ok, text, details }
}

function endingOf({ code, signal, neverBegan }: Awaited<CallProcess['exited']>): string {
  if (neverBegan) return 'The command could not be started.'
  if (signal !== null) return `The command was ended by ${signal}.`
  const name = code === null || code <= 128 ? undefined : signalName(code - 128)
  return name === undefined
    ? `The command ended with exit code ${code}.`
    : `The command ended with exit code ${code}, as a shell reports a program that ${name} ended.`
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
}

/** Without variables that would make bash or Node run something before the command, as in sessions. */
function unreserved(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isReservedVariable(name)))
}

function reachOf(network: NetworkAccess): string {
  if (network === true) return 'The network can be reached.'
  if (network === false) return 'There is no network.'
  if (network === 'internet')
    return 'Public addresses can be reached through the proxy that the environment names; this machine and its network cannot.'
  return `Of the network only ${network.join(', ')} can be reached, through the proxy that the environment names.`
}
