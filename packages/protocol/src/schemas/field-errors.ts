/** From zod's words to ours. */
import type { FieldError } from '#errors'

/** What zod found: one entry for each issue. */
export function fieldErrors(error: {
  issues: readonly { path: readonly PropertyKey[]; message: string }[]
}): FieldError[] {
  return error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), expected: message }))
}
