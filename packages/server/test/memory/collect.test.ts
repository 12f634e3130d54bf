import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { collectGarbage } from '#memory/collect'

test('what nothing refers to is gone after a collection, and no other code finds the collector', async () => {
  const left = new WeakRef({ large: 'x'.repeat(1000) })
  await turn()
  collectGarbage()
  expect(left.deref()).toBeUndefined()
  collectGarbage(true)
  expect('gc' in globalThis).toBe(false)
})
