/**
 * A tool's command line: `{projectPath}` and the declared arguments are filled in, each within its element
 * of the template. A value can become neither a second argument nor an option.
 */
import { type FieldError, listOf, MillraceError, namedFields } from '@millrace/protocol'
import type { Tool, ToolArg } from './config.ts'

/** `{{name}}` is the literal text `{name}`. Braces around anything but a name mean nothing. */
const placeholder = /\{\{([A-Za-z_][A-Za-z0-9_-]*)\}\}|\{([A-Za-z_][A-Za-z0-9_-]*)\}/g
const projectPathName = 'projectPath'

type TemplateTool = Pick<Tool, 'id' | 'command' | 'args'>

/**
 * Lists the problems of a tool's command in the configuration; paths are relative to the tool
 * (`command[1]`, `args.name`).
 */
export function checkTemplate(tool: Pick<Tool, 'command' | 'args'>): FieldError[] {
  const errors: FieldError[] = []
  if (tool.args.has(projectPathName)) {
    errors.push({
      path: `args.${projectPathName}`,
      expected: 'another name: this one is reserved for the path of the project',
    })
  }
  tool.command.forEach((element, index) => {
    const path = `command[${index}]`
    if (element.includes('\0')) errors.push({ path, expected: 'a string without NUL' })
    if (index === 0 && element === '') errors.push({ path, expected: 'the name of a program' })
    for (const name of namesIn(element)) {
      if (name === projectPathName) continue
      if (!tool.args.has(name)) {
        const known = [projectPathName, ...tool.args.keys()].map((known) => `{${known}}`).join(', ')
        errors.push({ path, expected: `a known placeholder instead of {${name}}: ${known}` })
      } else if (index === 0) {
        errors.push({ path, expected: `a fixed program: no argument, such as {${name}}, may choose it` })
      }
    }
  })
  for (const [name, arg] of tool.args) {
    if (arg.default === undefined) continue
    const expected = faultOf(arg, arg.default)
    if (expected !== null) errors.push({ path: `args.${name}.default`, expected })
  }
  return errors
}

/**
 * Builds the argv of a run. An element that is only an optional argument without a value is left out.
 * Fails with `invalid_request`, with one field `args.<name>` for each argument at fault.
 */
export function resolveCommand(
  tool: TemplateTool,
  project: { path: string },
  args: Readonly<Record<string, unknown>> = {},
): [string, ...string[]] {
  const errors: FieldError[] = []
  const values = new Map<string, string>()
  for (const name of Object.keys(args)) {
    if (!tool.args.has(name))
      errors.push({ path: `args.${name}`, expected: 'nothing: the tool has no argument of this name' })
  }
  for (const [name, arg] of tool.args) {
    const given = Object.hasOwn(args, name) ? args[name] : undefined
    const value = given ?? arg.default
    if (value === undefined) {
      if (arg.required) errors.push({ path: `args.${name}`, expected: 'a value' })
      continue
    }
    const expected = typeof value === 'string' ? faultOf(arg, value) : 'a string'
    if (expected !== null) errors.push({ path: `args.${name}`, expected })
    else values.set(name, String(value))
  }
  if (errors.length === 0) {
    values.set(projectPathName, project.path)
    const [program, ...rest] = tool.command
    const argv = rest.flatMap((element) => fillElement(element, values, errors))
    if (errors.length === 0) return [fill(program, values), ...argv]
  }
  throw new MillraceError(
    'invalid_request',
    `The arguments do not fit the tool ${tool.id}: ${namedFields(errors)}`,
    { fields: errors },
  )
}

/** Describes the expected value; null if the value is valid. */
function faultOf(arg: ToolArg, value: string): string | null {
  if (value.includes('\0')) return 'a string without NUL'
  if (arg.values !== undefined && !arg.values.includes(value)) return `one of ${listOf(arg.values)}`
  if (arg.pattern !== undefined && !arg.pattern.matches(value))
    return `a string that matches ${arg.pattern.source}`
  return null
}

function fillElement(element: string, values: ReadonlyMap<string, string>, errors: FieldError[]): string[] {
  const names = namesIn(element)
  const [first] = names
  if (names.length === 1 && first !== undefined && element === `{${first}}` && !values.has(first)) return []
  const filled = fill(element, values)
  // The configuration may begin an option; a caller's value may not. That includes an empty value, which
  // would make an option of the text behind it.
  if (filled.startsWith('-') && first !== undefined && element.startsWith(`{${first}}`)) {
    const culprit = names.find((name) => (values.get(name) ?? '') !== '') ?? first
    errors.push({ path: `args.${culprit}`, expected: 'a value that does not begin with "-"' })
  }
  return [filled]
}

function fill(element: string, values: ReadonlyMap<string, string>): string {
  return element.replace(placeholder, (_, literal: string | undefined, name: string | undefined) =>
    literal !== undefined ? `{${literal}}` : (values.get(name ?? '') ?? ''),
  )
}

function namesIn(element: string): string[] {
  return [...element.matchAll(placeholder)].flatMap(([, , name]) => (name === undefined ? [] : [name]))
}
