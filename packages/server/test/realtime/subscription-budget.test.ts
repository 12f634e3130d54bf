import { expect, it } from 'vitest'
import { readSubscription } from '#realtime/subscription'
import { SubscriptionBudget } from '#realtime/subscription-budget'

const of = (chars: number) => [readSubscription('x'.repeat(chars))]

it('the cost of subscriptions is bounded per user and in total, and a refused client keeps what it had', () => {
  const budget = new SubscriptionBudget<string>(10_000)
  const take = (...held: Parameters<typeof budget.offer>) => budget.offer(...held)()
  take('a1', 'anna', of(1000))
  take('a2', 'anna', of(1000))
  expect(() => take('a3', 'anna', of(1000))).toThrow('Too many subscriptions')
  take('a2', 'anna', of(1200))
  take('b1', 'bert', of(2000))
  expect(() => take('g', null, of(500))).toThrow('Too many subscriptions')
  expect(() => take('b1', 'bert', of(2500))).toThrow('Too many subscriptions')
  budget.release('a1')
  take('g', null, of(500))
  for (const client of ['a2', 'b1', 'g', 'g', 'nobody']) budget.release(client)
  for (const client of ['x1', 'x2']) take(client, client, of(2300))
})

it('an offer that is not taken changes nothing', () => {
  const budget = new SubscriptionBudget<string>(10_000)
  budget.offer('a1', 'anna', of(2000))()
  budget.offer('a1', 'anna', of(100))
  expect(() => budget.offer('a2', 'anna', of(2000))).toThrow('Too many subscriptions')
})
