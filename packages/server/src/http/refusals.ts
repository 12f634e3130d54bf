/**
 * How an error becomes an answer: a shape of body, a status, and the schema that documents both. Each
 * face brings its own; a route without one answers with RFC 9457 problem details.
 */
import { type ErrorCode, errorTable, type MillraceError, toProblem } from '@millrace/protocol'

export interface RefusalShape {
  contentType: string
  /** The HTTP status of a code on this face. */
  status(code: ErrorCode): number
  body(error: MillraceError): unknown
  /** JSON schema of the body that answers with one of these codes. */
  schema(status: number, codes: readonly ErrorCode[]): Record<string, unknown>
}

const text = { type: 'string' }

/** The status of a code in the table of errors. */
export const statusOf = (code: ErrorCode): number => errorTable[code].status

/** RFC 9457. */
export const problemDetails: RefusalShape = {
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
