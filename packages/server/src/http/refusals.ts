/**
 * The shapes in which faces refuse: how an error is answered, and how the API's document describes that.
 * A route names its shape in its `config`; what is documented and what is sent come from one row.
 */
import { type ErrorCode, errorTable, type MillraceError, toProblem } from '@millrace/protocol'
import { pocketbase } from '#faces/pocketbase/refusals'

interface RefusalShape {
  contentType: string
  /** The HTTP status of a code on this face. */
  status(code: ErrorCode): number
  body(error: MillraceError): unknown
  /** JSON schema of the body that answers with one of these codes. */
  schema(status: number, codes: readonly ErrorCode[]): Record<string, unknown>
}

const text = { type: 'string' }
const json = 'application/json'
const statusOf = (code: ErrorCode): number => errorTable[code].status

/** RFC 9457. */
const problem: RefusalShape = {
  contentType: 'application/problem+json',
  status: statusOf,
  body: toProblem,
  schema: (status, codes) => ({
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code', 'retry'],
    properties: {
      type: text,
      title: text,
      status: { type: 'integer', const: status },
      detail: text,
      code: { type: 'string', enum: codes },
      retry: { type: 'boolean' },
      errors: {
        type: 'array',
        items: { type: 'object', required: ['path', 'expected'], properties: { path: text, expected: text } },
      },
    },
  }),
}

/** Of the jobs face (contract section 3). */
const message: RefusalShape = {
  contentType: json,
  status: statusOf,
  body: (error) => ({ error: { message: error.message } }),
  schema: () => {
    const error = { type: 'object', required: ['message'], properties: { message: text } }
    return { type: 'object', required: ['error'], properties: { error } }
  },
}

/** What a start is refused for is a 400 on the sessions face, whatever it is elsewhere. */
const badSession: readonly ErrorCode[] = ['project_busy', 'unsupported_media_type']

/** Names every field at fault, as the caller of this face knows it. */
function sentenceOf({ code, message, fields = [] }: MillraceError): string {
  if (code === 'project_busy') return 'Project already has an active agent session'
  if (fields.length === 0) return message
  const named = fields.map(({ path, expected }) => `${path === 'project' ? 'projectId' : path}: ${expected}`)
  return `The request is not valid: ${named.join('; ')}`
}

/** Of the sessions face (contract section 4). */
const success: RefusalShape = {
  contentType: json,
  status: (code) => (badSession.includes(code) ? 400 : statusOf(code)),
  body: (error) => ({ success: false, error: sentenceOf(error) }),
  schema: () => ({
    type: 'object',
    required: ['success', 'error'],
    properties: { success: { type: 'boolean', const: false }, error: text },
  }),
}

export const refusalShapes = { problem, message, success, pocketbase } as const satisfies Record<
  string,
  RefusalShape
>
export type RefusalShapeName = keyof typeof refusalShapes
