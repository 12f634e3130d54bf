/** Refusals of the sessions face: `{"success":false,"error"}` (docs/protocol.md#5-sessions-face). */
import type { ErrorCode, MillraceError } from '@millrace/protocol'
import { type RefusalShape, statusOf } from '#http/refusals'

/** A refused start is a 400 on this face, whatever its status elsewhere. */
const refusedStarts: readonly ErrorCode[] = ['project_busy', 'unsupported_media_type']

export const sessionsRefusals: RefusalShape = {
  contentType: 'application/json',
  status: (code) => (refusedStarts.includes(code) ? 400 : statusOf(code)),
  body: (error) => ({ success: false, error: sentenceOf(error) }),
  schema: () => ({
    type: 'object',
    required: ['success', 'error'],
    properties: { success: { type: 'boolean', const: false }, error: { type: 'string' } },
  }),
}

/** Names every field at fault, as callers of this face know it. */
function sentenceOf({ code, message, fields = [] }: MillraceError): string {
  if (code === 'project_busy') return 'Project already has an active agent session'
  if (fields.length === 0) return message
  const named = fields.map(({ path, expected }) => `${path === 'project' ? 'projectId' : path}: ${expected}`)
  return `The request is not valid: ${named.join('; ')}`
}
