/** What goes between the main thread and the two threads that have the database. */
import type { ErrorCode } from '@millrace/protocol'
import type { ReadName } from '#store/batched/backend'
import type { Stop } from '#store/batched/operations'
import type { PackedOperations, PackedResults } from './packing.ts'

export type ToWriter =
  | { kind: 'batch'; operations: PackedOperations; urgent: boolean }
  | { kind: 'reads'; reads: AskedRead[] }
  | { kind: 'close' }

export type FromWriter =
  | { kind: 'ready'; epoch: string; cursorKey: string }
  | { kind: 'refused'; code: ErrorCode; message: string }
  | { kind: 'reply'; results: PackedResults; stopped: Stop | null }
  | FromReading

export type ToReader =
  | { kind: 'open'; path: string }
  | { kind: 'reads'; reads: AskedRead[] }
  | { kind: 'close' }

export interface AskedRead {
  id: number
  name: ReadName
  ask: unknown
}

export type FromReader = FromReading | { kind: 'open' }

/** The answer to a read. */
export type FromReading =
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'error'; id: number; message: string }
