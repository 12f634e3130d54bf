/**
 * Refusals of the realtime face, in the shape that PocketBase's SDK reads:
 * `{"data":{<field>:{code,message,params?}},"message","status"}`.
 */
import { MillraceError } from '@millrace/protocol'
import { type RefusalShape, statusOf } from '#http/refusals'

export interface FieldRefusal {
  code: string
  message: string
  params?: Record<string, number>
}

export type RefusedFields = { [field: string]: FieldRefusal | RefusedFields }

const generic = 'Something went wrong while processing your request.'

/** A 400 that states what is wrong with each field. */
export class InvalidFields extends MillraceError {
  override readonly name = 'InvalidFields'
  readonly data: RefusedFields

  constructor(data: RefusedFields, message = generic) {
    super('invalid_request', message)
    this.data = data
  }
}

export const blank: FieldRefusal = { code: 'validation_required', message: 'Cannot be blank.' }
export const malformed: FieldRefusal = {
  code: 'validation_match_invalid',
  message: 'Must be in a valid format.',
}

export function tooLong(min: number, max: number): FieldRefusal {
  const params = { max, min }
  return min === 0
    ? { code: 'validation_length_too_long', message: `The length must be no more than ${max}.`, params }
    : {
        code: 'validation_length_out_of_range',
        message: `The length must be between ${min} and ${max}.`,
        params,
      }
}

export function unsupported(message: string): FieldRefusal {
  return { code: 'validation_unsupported_option', message }
}

const text = { type: 'string' }

export const pocketbaseRefusals: RefusalShape = {
  contentType: 'application/json',
  status: statusOf,
  body: (error) => {
    const invalid = error instanceof InvalidFields
    const message = error.code === 'invalid_request' && !invalid ? generic : sentence(error.message)
    return { data: invalid ? error.data : {}, message, status: error.status }
  },
  schema: (status) => ({
    type: 'object',
    required: ['data', 'message', 'status'],
    properties: { data: { type: 'object' }, message: text, status: { type: 'integer', const: status } },
  }),
}

function sentence(message: string): string {
  return /[.?!]$/.test(message) ? message : `${message}.`
}
