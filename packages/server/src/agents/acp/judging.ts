/**
 * From an agent's question to what the policy can judge. Each agent has tools of its own; the protocol says of which kind a
 * call is, and the policy knows the tools of the Claude Agent SDK, so a call is judged as the one of those that does the same.
 *
 * What is judged is the agent's own account of a call. That is so for every agent: the policy explains and asks, and the
 * sandbox, in which the whole agent runs, is the boundary.
 */
import { undescribedTool } from '@millrace/policy'
import type { KnownCall } from './calls.ts'
import type { JsonRecord } from './lines.ts'

export interface JudgedCall {
  tool: string
  input: JsonRecord
}

/** The first is what people are asked about; the others only add reasons to deny it. */
export function judgedAs(call: KnownCall): [JudgedCall, ...JudgedCall[]] {
  const input = call.rawInput ?? {}
  switch (call.kind) {
    case 'execute': {
      // Without an input the title is the command.
      const command = commandIn(input) ?? call.title
      return [command === null ? undescribed(call) : { tool: 'Bash', input: { ...input, command } }]
    }
    case 'edit':
    case 'delete':
    case 'move':
      return onPaths('Edit', call)
    case 'read':
      return onPaths('Read', call)
    case 'search': {
      const path = pathIn(input)
      return [{ tool: 'Grep', input: path === null ? input : { ...input, path } }]
    }
    case 'fetch':
      return [typeof input.url === 'string' ? { tool: 'WebFetch', input } : undescribed(call)]
    case 'switch_mode':
      // The mode is the configuration's.
      return [{ tool: 'ExitPlanMode', input }]
    default:
      return [call.name === null ? undescribed(call) : { tool: call.name, input }]
  }
}

function onPaths(tool: 'Edit' | 'Read', call: KnownCall): [JudgedCall, ...JudgedCall[]] {
  const named = pathIn(call.rawInput ?? {})
  const [first, ...others] = [...new Set([...(named === null ? [] : [named]), ...call.paths])]
  if (first === undefined) return [undescribed(call)]
  return [
    { tool, input: { ...call.rawInput, file_path: first } },
    ...others.map((path) => ({ tool, input: { file_path: path } })),
  ]
}

function undescribed({ title, kind, rawInput }: KnownCall): JudgedCall {
  return { tool: undescribedTool, input: { title, kind, ...(rawInput === null ? {} : { input: rawInput }) } }
}

/** As a text, or as the list that a program would be started with. */
function commandIn({ command, cmd }: JsonRecord): string | null {
  const given = command ?? cmd
  if (typeof given === 'string' && given !== '') return given
  if (!Array.isArray(given) || !given.every((part) => typeof part === 'string') || given.length === 0)
    return null
  const [shell, flag, script, ...rest] = given as string[]
  const isScript = /(^|\/)(ba|z|da)?sh$/.test(shell ?? '') && /^-l?c$/.test(flag ?? '')
  if (isScript && script !== undefined && rest.length === 0) return script
  return (given as string[]).map(quoted).join(' ')
}

function quoted(part: string): string {
  return /^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`
}

function pathIn(input: JsonRecord): string | null {
  for (const name of ['file_path', 'filePath', 'filepath', 'abs_path', 'absolute_path', 'path', 'dir_path']) {
    const path = input[name]
    if (typeof path === 'string' && path !== '') return path
  }
  return null
}
