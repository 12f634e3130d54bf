/**
 * A store that lives in the memory of this process: the same rules and the same batching as every other,
 * over Maps. What it acknowledges is gone with the process.
 */
import { type BatchedStoreOptions, openBatchedStore } from '#store/batched/open-batched-store'
import type { Store } from '#store/store'
import { createReader } from './reader.ts'
import { emptyTables, type MemoryTables } from './tables.ts'
import { createWriter } from './writer.ts'

export interface MemoryStoreOptions extends BatchedStoreOptions {
  /** What an earlier store left; empty ones if there are none. */
  tables?: MemoryTables
}

export function openMemoryStore({ tables = emptyTables(), ...options }: MemoryStoreOptions = {}): Store {
  const apply = createWriter(tables)
  return openBatchedStore(
    {
      epoch: tables.epoch,
      cursorKey: tables.cursorKey,
      send: async (operations) => ({ results: operations.map(apply), stopped: null }),
      read: createReader(tables),
      // Memory does not fail while the process that has it lives.
      failed: new Promise(() => {}),
      close: async () => {},
    },
    options,
  )
}
