/** Shared vocabulary of Millrace: no I/O, nothing of Node's. */
export * from './cursors.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './http.ts'
export * from './jobs.ts'
export * from './json.ts'
export * from './runs.ts'
export * from './sessions.ts'
