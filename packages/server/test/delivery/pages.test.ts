import { expect, test } from 'vitest'
import { nativeDialect } from '#delivery/dialect'
import { Pages } from '#delivery/pages'
import { RingBudget } from '#delivery/ring-budget'
import type { LogPage, StoredEvent } from '#store/store'

const head = 10

/** A log of ten events, two to a page, whose reads are answered when the test says so. */
function rig() {
  const asked: number[] = []
  const answers: (() => void)[] = []
  const budget = new RingBudget(1024 * 1024)
  const source = {
    readAfter: (_run: string, { after }: { after: number }) => {
      asked.push(after)
      const { promise, resolve } = Promise.withResolvers<LogPage>()
      const events = [after + 1, after + 2].filter((seq) => seq <= head).map(event)
      const bounds = { epoch: 'e', firstSeq: 1, head, closed: false }
      answers.push(() => resolve({ events, bounds }))
      return promise
    },
  }
  const pages = new Pages('r', nativeDialect, {
    source,
    batchBytes: 1024,
    budget,
    counters: { pagesRead: 0 },
  })
  const answer = async () => {
    for (const next of answers.splice(0)) next()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const read = async (after: number) => {
    const reading = pages.read(after)
    await answer()
    const segment = (await reading)?.segment
    if (segment == null) throw new Error('an empty page')
    return segment
  }
  return { pages, asked, budget, answer, read }
}

const event = (seq: number): StoredEvent => ({ seq, at: 1, type: 'output', json: '{}' })

test('a page that arrives after the last follower left takes nothing from the budget', async () => {
  const { pages, budget, answer } = rig()
  const late = pages.read(0)
  pages.close()
  await answer()
  await late
  expect(budget.bytes).toBe(0)
})
