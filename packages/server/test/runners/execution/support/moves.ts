/** Random moves of agents that may do anything, in any order. */
import type { PlanPhase } from '@millrace/protocol'
import fc from 'fast-check'
import type { AgentMove } from '#agents/moves'

const phaseIds = ['p1', 'p2', 'p3', 'work'] as const
const callIds = ['c1', 'c2', 'c3', 'c4', 'c5'] as const
const text = fc.constantFrom('', 'a', 'two words')

const phase: fc.Arbitrary<PlanPhase> = fc.record({
  id: fc.constantFrom(...phaseIds),
  name: fc.constantFrom('Look', 'Change', 'Test'),
  status: fc.constantFrom('pending', 'active', 'complete', 'incomplete'),
})
const parent = fc.option(fc.constantFrom(...callIds, 'unknown'), { nil: undefined })

/** An optional field is absent, not undefined. */
function withParent<M extends object>(
  move: fc.Arbitrary<M>,
): fc.Arbitrary<M & { parentToolCallId?: string }> {
  return fc
    .tuple(move, parent)
    .map(([one, parentToolCallId]) => (parentToolCallId === undefined ? one : { ...one, parentToolCallId }))
}

export const moves: fc.Arbitrary<AgentMove[]> = fc.array(
  fc.oneof(
    fc.record({
      move: fc.constant('plan' as const),
      goal: fc.constantFrom('all green', 'less red'),
      phases: fc.array(phase, { maxLength: 4 }),
    }),
    fc.record({ move: fc.constant('phase-start' as const), phaseId: fc.constantFrom(...phaseIds) }),
    fc.record({ move: fc.constant('phase-complete' as const), phaseId: fc.constantFrom(...phaseIds) }),
    withParent(fc.record({ move: fc.constant('thought' as const), thought: text })),
    withParent(fc.record({ move: fc.constant('text' as const), messageId: fc.constant('m'), text })),
    withParent(
      fc.record({
        move: fc.constant('tool-start' as const),
        toolCallId: fc.constantFrom(...callIds),
        toolName: fc.constant('shell'),
        params: fc.constant({ command: 'true' }),
      }),
    ),
    fc.record({ move: fc.constant('tool-output' as const), toolCallId: fc.constantFrom(...callIds), text }),
    fc.record({
      move: fc.constant('tool-complete' as const),
      toolCallId: fc.constantFrom(...callIds),
      status: fc.constantFrom('ok' as const, 'error' as const, 'denied' as const, 'cancelled' as const),
      result: fc.constantFrom('done', null, undefined),
    }),
    fc.record({
      move: fc.constant('usage' as const),
      tokens: fc.record({ inputTokens: fc.nat(9), outputTokens: fc.nat(9) }),
      costUsd: fc.constantFrom(null, 0.01),
    }),
    fc.constant({ move: 'step' as const }),
    fc.record({
      move: fc.constant('note' as const),
      type: fc.constantFrom('compaction', 'execution:complete', 'tool:start', 'run:started', 'not a type'),
      data: fc.constant({}),
    }),
  ),
  { maxLength: 60, size: 'max' },
)
