/** The problems of a configuration: all at once, each with its key and what was expected. */
import { boundedFields, type FieldError, MillraceError } from '@millrace/protocol'
import type { ZodType, z } from 'zod'
import { nearest } from './nearest.ts'

/** `path` is the dotted key of the file, a flag (`--port`), an environment variable, or a file's path. */
export type ConfigProblem = FieldError

/** The configuration is not valid (code `invalid_config`). `problems` is never empty. */
export class ConfigError extends MillraceError {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(file: string | null, problems: readonly ConfigProblem[]) {
    const where = file === null ? '' : ` in ${file}`
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`
    const lines = boundedFields(problems).map(({ path, expected }) => `  ${path}: expected ${expected}`)
    super('invalid_config', `The configuration is not valid: ${count}${where}\n${lines.join('\n')}`, {
      fields: [...problems],
    })
    this.problems = problems
  }
}

/** Collects problems while the rest of the configuration is checked. */
export class Problems {
  readonly list: ConfigProblem[] = []

  add(path: string, expected: string): void {
    this.list.push({ path, expected })
  }

  /** Returns the value as the schema reads it; undefined if it has problems, which are then added. */
  parse<T>(path: string, schema: ZodType<T>, value: unknown): T | undefined {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    for (const issue of result.error.issues) this.#addIssue(path, issue, value)
    return undefined
  }

  #addIssue(root: string, issue: z.core.$ZodIssue, value: unknown): void {
    const path = join(root, issue.path)
    if (issue.code === 'unrecognized_keys') {
      // By agreement with `schema.ts`, the message of this issue lists the known keys.
      const known = issue.message.split(', ')
      for (const key of issue.keys) this.add(join(path, [key]), unknownKey(key, known))
      return
    }
    this.add(path, `${issue.message}, ${describe(valueAt(value, issue.path))}`)
  }
}

export function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known)
  const rest = meant === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${meant}"?`
  return `no such key; ${rest}`
}

/** Describes the value that was found, without repeating a long one. */
function describe(value: unknown): string {
  if (value === undefined) return 'but it is missing'
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return `not ${value}`
  if (typeof value === 'string')
    return value.length <= 60 ? `not ${JSON.stringify(value)}` : 'not this string'
  if (Array.isArray(value)) return value.length === 0 ? 'not an empty list' : 'not a list'
  return typeof value === 'object' ? 'not an object' : `not a ${typeof value}`
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const key of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key]
  return at
}

function join(root: string, path: readonly PropertyKey[]): string {
  return [...(root === '' ? [] : [root]), ...path.map(String)].join('.')
}
