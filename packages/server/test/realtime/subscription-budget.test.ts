import { expect, it } from 'vitest'
import { readSubscription } from '../../src/realtime/subscription.ts'
import { SubscriptionBudget } from '../../src/realtime/subscription-budget.ts'

const of = (chars: number) => [readSubscription('x'.repeat(chars))]

it('what subscriptions may cost is bounded, for each user and for all; who is refused keeps what there was', () => {
  const budget = new SubscriptionBudget<string>(10_000)
  budget.take('a1', 'anna', of(1000))
  budget.take('a2', 'anna', of(1000))
  expect(() => budget.take('a3', 'anna', of(1000))).toThrow('Too many subscriptions')
  budget.take('a2', 'anna', of(1200))
  budget.take('b1', 'bert', of(2000))
  expect(() => budget.take('g', null, of(500))).toThrow('Too many subscriptions')
  expect(() => budget.take('b1', 'bert', of(2500))).toThrow('Too many subscriptions')
  budget.release('a1')
  budget.take('g', null, of(500))
  for (const client of ['a2', 'b1', 'g', 'g', 'nobody']) budget.release(client)
  for (const client of ['x1', 'x2']) budget.take(client, client, of(2300))
})
