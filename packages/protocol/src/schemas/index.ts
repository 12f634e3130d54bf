/** `@millrace/protocol/schemas`: the second door, for programs that check bodies. It needs zod; the main door does not. */
export * from './forms.ts'
export * from './http.ts'
export * from './operations.ts'
export * from './push.ts'
export * from './read-request.ts'
export * from './records.ts'
export * from './statistics.ts'
export * from './worktrees.ts'
