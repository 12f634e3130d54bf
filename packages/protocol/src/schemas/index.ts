/** `@millrace/protocol/schemas`: the second door, for programs that check bodies. It needs zod; the main door does not. */
export * from './field-errors.ts'
export * from './http.ts'
export * from './records.ts'
