import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Operation, OperationResult } from '#store/batched/operations'
import { packOperations, packResults, unpackOperations, unpackResults } from '#store/sqlite/packing'

const piece = fc.record({ count: fc.nat(), overhead: fc.nat(), text: fc.string() })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('append'), run: fc.uuid(), attempt: fc.nat(), log: fc.array(piece) }),
  fc.record({ op: fc.constant('delete'), run: fc.uuid() }),
  fc.constant<Operation>({ op: 'probe' }),
)
const result: fc.Arbitrary<OperationResult> = fc.oneof(
  fc.record({
    kind: fc.constant('appended'),
    firstSeq: fc.nat(),
    state: fc.constantFrom('starting', 'running'),
  }),
  fc.record({ kind: fc.constant('refused'), code: fc.constant('run_over'), message: fc.string() }),
  fc.constant<OperationResult>({ kind: 'none' }),
)

test('a batch and its results are the same after they were packed, cloned for a thread, and unpacked', () => {
  fc.assert(
    fc.property(fc.array(operation), fc.array(result), (operations, results) => {
      expect(unpackOperations(structuredClone(packOperations(operations)))).toEqual(operations)
      expect(unpackResults(structuredClone(packResults(results)))).toEqual(results)
    }),
  )
})
