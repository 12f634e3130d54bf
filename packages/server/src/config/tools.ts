/** Reads the `tools` section: the named commands that jobs run. */
import { homedir } from 'node:os'
import { messageOf } from '@millrace/protocol'
import { checkTemplate } from './command-template.ts'
import type { Tool, ToolArg } from './config.ts'
import { nearest } from './nearest.ts'
import { ValuePattern } from './pattern.ts'
import type { Problems } from './problems.ts'
import { argName, argSchema, envName, type ToolInput, toolId, toolSchema } from './schema.ts'

/**
 * Returns the valid tools by id; reports the problems of the others. `declared` are the ids of all projects
 * in the file, valid or not.
 */
export function readTools(
  section: unknown,
  declared: readonly string[],
  problems: Problems,
): Map<string, Tool> {
  const tools = new Map<string, Tool>()
  if (section === undefined) return tools
  if (section === null || typeof section !== 'object' || Array.isArray(section)) {
    problems.add('tools', 'an object with one entry for each tool')
    return tools
  }
  for (const [id, value] of Object.entries(section)) {
    const at = `tools.${id}`
    problems.parse(at, toolId, id)
    const input = problems.parse(at, toolSchema, value)
    if (input !== undefined) tools.set(id, readTool(id, at, input, declared, problems))
  }
  return tools
}

function readTool(
  id: string,
  at: string,
  input: ToolInput,
  declared: readonly string[],
  problems: Problems,
): Tool {
  const [program = '', ...rest] = input.command
  for (const name of Object.keys(input.env ?? {})) problems.parse(`${at}.env.${name}`, envName, name)
  const projects = input.projects ?? declared
  for (const [index, project] of projects.entries()) {
    if (declared.includes(project)) continue
    const meant = nearest(project, declared)
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`
    problems.add(`${at}.projects.${index}`, `the id of a project; "${project}" is not one${hint}`)
  }
  const tool: Tool = {
    id,
    title: input.title ?? id,
    command: [program.startsWith('~/') ? `${homedir()}${program.slice(1)}` : program, ...rest],
    args: readArgs(input.args ?? {}, `${at}.args`, problems),
    timeoutSeconds: input.timeoutSeconds ?? null,
    network: input.network ?? false,
    env: input.env ?? {},
    projects,
    allowNestedSandbox: input.allowNestedSandbox ?? false,
    cache: input.cache ?? true,
    terminal: terminalOf(input.tty),
    limits: {
      memoryBytes: input.limits?.memoryBytes,
      processes: input.limits?.processes,
      outputBytes: input.limits?.outputBytes,
    },
  }
  for (const { path, expected } of checkTemplate(tool)) {
    problems.add(`${at}.${path.replace(/\[(\d+)\]/g, '.$1')}`, expected)
  }
  return tool
}

const usualTerminal = { columns: 120, rows: 40 }

function terminalOf(tty: ToolInput['tty'] = false): Tool['terminal'] {
  if (typeof tty === 'boolean') return tty ? usualTerminal : null
  return tty
}

function readArgs(section: Record<string, unknown>, at: string, problems: Problems): Map<string, ToolArg> {
  const args = new Map<string, ToolArg>()
  for (const [name, value] of Object.entries(section)) {
    const path = `${at}.${name}`
    problems.parse(path, argName, name)
    // An argument with a problem is still declared: its placeholder is no second problem.
    const input = problems.parse(path, argSchema, value) ?? {}
    if (input.required && input.default !== undefined) {
      problems.add(`${path}.default`, 'no default, because "required" is true')
    }
    args.set(name, {
      required: input.required ?? false,
      default: input.default,
      pattern: patternOf(input.pattern, `${path}.pattern`, problems),
      values: input.values,
    })
  }
  return args
}

function patternOf(source: string | undefined, at: string, problems: Problems): ValuePattern | undefined {
  if (source === undefined) return undefined
  try {
    return new ValuePattern(source)
  } catch (error) {
    problems.add(
      at,
      `a regular expression of RE2, without lookaround and backreferences: ${messageOf(error)}`,
    )
    return undefined
  }
}
