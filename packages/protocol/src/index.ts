/** Shared vocabulary of Millrace: words, tables and pure functions. No I/O, no dependencies. */
export * from './cursors.ts'
export * from './errors.ts'
export * from './events.ts'
export * from './jobs.ts'
export * from './json.ts'
export * from './requests.ts'
export * from './runs.ts'
export * from './sessions.ts'
