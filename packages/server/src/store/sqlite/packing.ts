/**
 * Batches and their results as they travel between threads. Nearly all operations are appends, and an object costs
 * several times what its values do when it is cloned for another thread: an append travels as values in one flat list,
 * everything else as it is.
 */
import type { RunState } from '@millrace/protocol'
import type { LogText, Operation, OperationResult } from '#store/batched/operations'

type Append = Extract<Operation, { op: 'append' }>
type Other = Exclude<Operation, Append>

/** An append is its run, its attempt, how many pieces of text it has, and the three values of each piece. */
export type PackedOperations = (string | number | Other)[]

/** The answer to an append is its first `seq` and the run's state. */
export type PackedResults = (number | RunState | OperationResult)[]

export function packOperations(operations: readonly Operation[]): PackedOperations {
  const packed: PackedOperations = []
  for (const operation of operations) {
    if (operation.op !== 'append') {
      packed.push(operation)
      continue
    }
    packed.push(operation.run, operation.attempt, operation.log.length)
    for (const { count, overhead, text } of operation.log) packed.push(count, overhead, text)
  }
  return packed
}

export function unpackOperations(packed: PackedOperations): Operation[] {
  const operations: Operation[] = []
  let at = 0
  while (at < packed.length) {
    const first = packed[at++]
    if (typeof first === 'object') {
      operations.push(first)
      continue
    }
    const attempt = packed[at++] as number
    const pieces = packed[at++] as number
    const log: LogText[] = []
    for (let piece = 0; piece < pieces; piece += 1) {
      const count = packed[at++] as number
      const overhead = packed[at++] as number
      log.push({ count, overhead, text: packed[at++] as string })
    }
    operations.push({ op: 'append', run: first as string, attempt, log })
  }
  return operations
}

export function packResults(results: readonly OperationResult[]): PackedResults {
  const packed: PackedResults = []
  for (const result of results) {
    if (result.kind === 'appended') packed.push(result.firstSeq, result.state)
    else packed.push(result)
  }
  return packed
}

export function unpackResults(packed: PackedResults): OperationResult[] {
  const results: OperationResult[] = []
  let at = 0
  while (at < packed.length) {
    const first = packed[at++]
    if (typeof first === 'object') results.push(first)
    else results.push({ kind: 'appended', firstSeq: first as number, state: packed[at++] as RunState })
  }
  return results
}
