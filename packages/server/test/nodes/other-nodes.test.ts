import pino from 'pino'
import { expect, test } from 'vitest'
import { OtherNodes } from '#runs/other-nodes'
import type { Commit, SharedStore } from '#store/store'

const settled = () => new Promise((done) => setImmediate(done))

/** A node that works on the run `mine`, with a database whose answers wait until they are let through. */
function openNode() {
  const looks: (() => void)[] = []
  const requested: string[] = []
  const ended: string[] = []
  let hint = (_commit: Partial<Commit>) => {}
  const shared: Partial<SharedStore> = {
    async endsRequested() {
      const found = requested.map((id) => ({ id, cause: 'abort' as const }))
      await new Promise<void>((answer) => looks.push(answer))
      return found
    },
  }
  const nodes = new OtherNodes({
    store: {
      onCommit(listener: (commit: Commit) => void) {
        hint = (commit) =>
          listener({ change: 'updated', state: 'running', elsewhere: true, ...commit } as Commit)
        return () => {}
      },
    } as never,
    shared: shared as SharedStore,
    isActive: (id) => id === 'mine',
    end: (id) => ended.push(id) > 0,
    after: () => () => {},
    log: pino({ level: 'silent' }),
    kinds: new Map(),
    endLeftovers: async () => 0,
    eventBytes: 1000,
    now: () => 0,
  })
  nodes.start()
  return {
    looks,
    requested,
    ended,
    hint: (commit: Partial<Commit>) => hint(commit),
    stop: () => nodes.stop(),
  }
}

test('an end that is requested during a look of this node is found by one more look', async () => {
  const { looks, requested, ended, hint, stop } = openNode()
  hint({ runId: 'mine' })
  requested.push('mine')
  hint({ runId: 'mine' })
  hint({ runId: 'mine' })
  expect(looks).toHaveLength(1)
  looks[0]?.()
  await settled()
  expect(ended).toEqual([])
  expect(looks).toHaveLength(2)
  looks[1]?.()
  await settled()
  expect(ended).toEqual(['mine'])
  expect(looks).toHaveLength(2)
  stop()
})

test('what other nodes write to runs that they work on makes this node look at nothing', () => {
  const { looks, hint, stop } = openNode()
  hint({ runId: 'theirs' })
  hint({ runId: 'mine', change: 'finished' })
  expect(looks).toHaveLength(0)
  // Its claim may be on its way here.
  hint({ runId: 'new', state: 'starting' })
  expect(looks).toHaveLength(1)
  stop()
})
