/** docs/scale.md says what the model computes, and the model behaves as it says. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { costOf, costWith, type Load, table } from '../../../../scripts/scale-model.ts'

const load: Load = { followers: 40_000, runs: 800, eventsPerSecond: 4000, placement: 'hash', hints: 'redis' }

test('the table of docs/scale.md is the one that the model prints', () => {
  const document = readFileSync(new URL('../../../../docs/scale.md', import.meta.url), 'utf8')
  expect(document).toContain(table())
})

test('with followers placed by a hash, the cost of a delivery does not grow with the nodes', () => {
  const costs = [4, 8, 16].map((nodes) => costWith(load, nodes).usPerDelivery)
  expect(Math.max(...costs) / Math.min(...costs)).toBeLessThan(1.15)
  const random = [4, 8, 16].map((nodes) => costWith({ ...load, placement: 'random' }, nodes).usPerDelivery)
  expect(Math.max(...random) / Math.min(...random)).toBeGreaterThan(1.5)
})

test('twice the load needs about twice the nodes, none of them above its share of a core', () => {
  const [one, two] = [costOf(load), costOf({ ...load, followers: 80_000, runs: 1600, eventsPerSecond: 8000 })]
  expect(two.webNodes / one.webNodes).toBeGreaterThan(1.7)
  expect(two.webNodes / one.webNodes).toBeLessThan(2.4)
  expect(Math.max(one.webCoresEach, two.webCoresEach)).toBeLessThanOrEqual(0.6)
})
