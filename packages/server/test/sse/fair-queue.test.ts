import { until } from '@millrace/test-support/until'
import { expect, test } from 'vitest'
import { FairQueue } from '#sse/fair-queue'

test('the event loop runs between slices of a long fair queue', async () => {
  const turns = new FairQueue()
  let taken = 0
  let takenWhenLoopRan = 0
  const taker = {
    turn() {
      taken += 1
      if (taken > 1) return
      setImmediate(() => {
        takenWhenLoopRan = taken
      })
    },
  }
  for (let n = 0; n < 1000; n++) turns.add(taker)
  await until(() => taken === 1000)
  expect(takenWhenLoopRan).toBeGreaterThan(0)
  expect(takenWhenLoopRan).toBeLessThan(1000)
})

test('a member that queues again comes after all that wait, and idle is called once when none does', async () => {
  const turns = new FairQueue()
  const order: string[] = []
  let again = true
  const first = {
    turn() {
      order.push('first')
      if (again) turns.add(first)
      again = false
    },
  }
  turns.add(first)
  turns.add({ turn: () => order.push('second') })
  turns.whenIdle(() => order.push('idle'))
  await until(() => order.includes('idle'))
  turns.add({ turn: () => order.push('third') })
  await until(() => order.includes('third'))
  expect(order).toEqual(['first', 'second', 'first', 'idle', 'third'])
})
