/** Reads the `tools` section: the named commands jobs run. */
import type { Tool, ToolArg } from './config.ts'
import { nearest } from './nearest.ts'
import type { Problems } from './problems.ts'
import { argName, argSchema, envName, type ToolInput, toolId, toolSchema } from './schema.ts'

/**
 * The valid tools, by id; what is wrong with the others is noted. `declared` are the ids of all
 * projects the file names, valid ones and not.
 */
export function readTools(
  section: unknown,
  declared: readonly string[],
  problems: Problems,
): Map<string, Tool> {
  const tools = new Map<string, Tool>()
  if (section === undefined) return tools
  if (section === null || typeof section !== 'object' || Array.isArray(section)) {
    problems.add('tools', 'an object: one entry a tool')
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
  if (program === '') problems.add(`${at}.command.0`, 'the program to run, not an empty text')
  for (const name of Object.keys(input.env ?? {})) problems.parse(`${at}.env.${name}`, envName, name)
  const projects = input.projects ?? declared
  for (const [index, project] of projects.entries()) {
    if (declared.includes(project)) continue
    const meant = nearest(project, declared)
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`
    problems.add(`${at}.projects.${index}`, `the id of a project; there is no "${project}"${hint}`)
  }
  return {
    id,
    title: input.title ?? id,
    command: [program, ...rest],
    args: readArgs(input.args ?? {}, `${at}.args`, problems),
    timeoutSeconds: input.timeoutSeconds ?? null,
    network: input.network ?? false,
    env: input.env ?? {},
    projects,
    allowNestedSandbox: input.allowNestedSandbox ?? false,
    limits: {
      memoryBytes: input.limits?.memoryBytes,
      processes: input.limits?.processes,
      outputBytes: input.limits?.outputBytes,
    },
  }
}

function readArgs(section: Record<string, unknown>, at: string, problems: Problems): Map<string, ToolArg> {
  const args = new Map<string, ToolArg>()
  for (const [name, value] of Object.entries(section)) {
    problems.parse(`${at}.${name}`, argName, name)
    const input = problems.parse(`${at}.${name}`, argSchema, value)
    if (input === undefined) continue
    const pattern =
      input.pattern === undefined ? undefined : wholePattern(input.pattern, `${at}.${name}.pattern`, problems)
    const arg = { required: input.required ?? false, default: input.default, pattern, values: input.values }
    checkDefault(arg, `${at}.${name}.default`, problems)
    args.set(name, arg)
  }
  return args
}

/** Anchored here, so that no caller can forget to. */
function wholePattern(source: string, at: string, problems: Problems): RegExp | undefined {
  try {
    // Compiled alone first: `)(` would be legal only between the brackets added here.
    new RegExp(source, 'u')
    return new RegExp(`^(?:${source})$`, 'u')
  } catch (error) {
    problems.add(at, `a regular expression: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

function checkDefault(arg: ToolArg, at: string, problems: Problems): void {
  if (arg.default === undefined) return
  if (arg.required) problems.add(at, 'no default where "required" is true')
  if (arg.pattern !== undefined && !arg.pattern.test(arg.default)) {
    problems.add(at, `a default that matches "pattern", not ${JSON.stringify(arg.default)}`)
  }
  if (arg.values !== undefined && !arg.values.includes(arg.default)) {
    problems.add(at, `one of "values" as default, not ${JSON.stringify(arg.default)}`)
  }
}
