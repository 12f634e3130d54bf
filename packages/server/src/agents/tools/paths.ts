/** Paths and texts as a model writes them. */
import { normalize } from 'node:path/posix'
import { z } from 'zod'

const pathCharsMax = 4096
const globCharsMax = 1000

/** Relative paths start where the run works. One spelling is both judged and opened. */
export const pathField = (description: string) =>
  withoutNul(wellFormed(z.string().min(1).max(pathCharsMax))).describe(description)

export const globField = (description: string) => z.string().min(1).max(globCharsMax).describe(description)

export function normalPath(path: string): string {
  const normal = normalize(path)
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

export function absolutePath(path: string, cwd: string): string {
  const normal = normalPath(path)
  return normal.startsWith('/') ? normal : normalPath(`${cwd}/${normal}`)
}

/** Halves of surrogate pairs cannot be stored: they would become other characters. */
export function wellFormed(text: z.ZodString) {
  return text.refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
}

/** No path has one, and no argument of a program. */
export function withoutNul(text: z.ZodString) {
  return text.refine((value) => !value.includes('\0'), 'must not hold NUL characters')
}
