/**
 * The door for authors of stores, `@millrace/server/store`: the port, and what makes a whole store of a
 * backend that writes batches and answers reads. A new store is done when it passes
 * `@millrace/store-conformance`.
 */
export type * from './batched/backend.ts'
export { type BatchedStoreOptions, openBatchedStore } from './batched/open-batched-store.ts'
export * from './batched/operations.ts'
export type { WrittenBatch } from './batched/outbox.ts'
export * from './batched/page-text.ts'
export { type MemoryStoreOptions, openMemoryStore } from './memory/store.ts'
export { emptyTables, type MemoryTables } from './memory/tables.ts'
export * as rules from './rules/index.ts'
export * from './store.ts'
