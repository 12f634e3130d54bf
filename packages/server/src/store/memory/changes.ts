/** What the writers have in common: how a run's row and log change, and what is answered. */
import type { LogText, Operation, OperationResult } from '#store/batched/operations'
import type { RunRow } from '#store/rules/rows'
import { type MemoryRun, toRow } from './tables.ts'

type RowResult = Extract<OperationResult, { kind: 'row' }>

export type Writer = {
  [Op in Operation['op']]: (operation: Extract<Operation, { op: Op }>) => OperationResult
}

/** Numbers the events; returns the first number. */
export function addEvents(run: MemoryRun, log: readonly LogText[]): number {
  const first = run.head + 1
  for (const { count, overhead, text } of log) {
    const firstSeq = run.head + 1
    run.head += count
    run.log.push({ firstSeq, lastSeq: run.head, jsonBytes: Buffer.byteLength(text) - overhead, body: text })
  }
  return first
}

export function appended(run: MemoryRun, log: readonly LogText[]): OperationResult {
  return { kind: 'appended', firstSeq: addEvents(run, log), state: run.state }
}

export function changed(run: MemoryRun, change: Partial<RunRow>): RowResult {
  Object.assign(run, change)
  return rowResult(run, true)
}

export function rowResult(run: MemoryRun, changed: boolean): RowResult {
  return { kind: 'row', row: toRow(run), changed }
}
