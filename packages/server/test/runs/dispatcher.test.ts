import { MillraceError } from '@millrace/protocol'
import { until } from '@millrace/test-support/until'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Dispatcher } from '#runs/dispatcher'
import type { Commit, RunRecord } from '#store/store'

/** A queue that answers when the test says so, and commits made up by the test. */
function rig() {
  const launched: string[] = []
  const claims: { answer(run: RunRecord | null): void; fail(error: Error): void }[] = []
  const listeners = new Set<(commit: Commit) => void>()
  const dispatcher = new Dispatcher({
    store: {
      claim: () => {
        const { promise, resolve, reject } = Promise.withResolvers<RunRecord | null>()
        claims.push({ answer: resolve, fail: reject })
        return promise
      },
      onCommit: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    kinds: [{ kind: 'job', concurrency: 2 }],
    node: 'n',
    launch: (run) => launched.push(run.id),
    log: pino({ level: 'silent' }),
    retryMs: 1,
  })
  const tell = (change: Commit['change']) => {
    for (const listener of listeners) {
      listener({ runId: 'r', change, state: 'queued', head: 1, closed: false, events: [] })
    }
  }
  const next = async () => {
    await until(() => claims.length > 0)
    const claim = claims.shift()
    if (claim === undefined) throw new Error('no claim')
    return claim
  }
  onTestFinished(async () => {
    const stopped = dispatcher.stop()
    for (const claim of claims) claim.answer(null)
    await stopped
  })
  return { dispatcher, launched, claims, listeners, tell, next }
}

const run = (id: string) => ({ id }) as RunRecord
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the dispatcher', () => {
  it('the dispatcher claims a run on its way to the disk without waiting for its commit', async () => {
    const { dispatcher, launched, claims, next } = rig()
    dispatcher.expect('job')
    expect(claims).toHaveLength(0)
    dispatcher.start()
    const first = await next()
    first.answer(null)
    await turn()
    dispatcher.expect('job')
    dispatcher.expect('session')
    expect(claims).toHaveLength(1)
    const second = await next()
    second.answer(run('a'))
    await turn()
    expect(launched).toEqual(['a'])
  })

  it('the dispatcher claims until nothing is left, one claim at a time', async () => {
    const { dispatcher, launched, claims, next } = rig()
    dispatcher.start()
    dispatcher.start()
    for (const id of ['a', 'b']) {
      const claim = await next()
      expect(claims).toHaveLength(0)
      claim.answer(run(id))
    }
    ;(await next()).answer(null)
    await turn()
    expect([launched, claims.length]).toEqual([['a', 'b'], 0])
  })

  it('the dispatcher claims nothing before it is started', async () => {
    const { tell, claims } = rig()
    tell('created')
    await turn()
    expect(claims).toHaveLength(0)
  })

  it.each(['created', 'finished'] as const)(
    'the dispatcher looks again when a run is %s while an empty answer is on its way',
    async (change) => {
      const { dispatcher, launched, tell, next, claims } = rig()
      dispatcher.start()
      const claim = await next()
      // The store answered "none" before the run existed; the hint arrives before the answer is seen.
      tell(change)
      tell(change)
      claim.answer(null)
      ;(await next()).answer(run('late'))
      ;(await next()).answer(null)
      await turn()
      expect([launched, claims.length]).toEqual([['late'], 0])
    },
  )

  it('the dispatcher ignores changes that neither make room nor bring work', async () => {
    const { dispatcher, tell, next, claims } = rig()
    dispatcher.start()
    ;(await next()).answer(null)
    await turn()
    tell('updated')
    tell('deleted')
    await turn()
    expect(claims).toHaveLength(0)
  })

  it('the dispatcher tries again by itself after a failed claim', async () => {
    const { dispatcher, launched, next } = rig()
    dispatcher.start()
    ;(await next()).fail(new Error('busy'))
    ;(await next()).answer(run('a'))
    ;(await next()).answer(null)
    expect(launched).toEqual(['a'])
  })

  it('the dispatcher stops asking a store that has failed for good', async () => {
    const { dispatcher, next, claims } = rig()
    dispatcher.start()
    ;(await next()).fail(new MillraceError('storage_failed', 'gone'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(claims).toHaveLength(0)
  })

  it('a run claimed just before the stop is launched, and then no more', async () => {
    const { dispatcher, launched, listeners, tell, next, claims } = rig()
    dispatcher.start()
    const claim = await next()
    const stopped = dispatcher.stop()
    let over = false
    void stopped.then(() => {
      over = true
    })
    await turn()
    expect(over).toBe(false)
    tell('created')
    claim.answer(run('ours already'))
    await stopped
    expect([launched, claims.length, listeners.size]).toEqual([['ours already'], 0, 0])
    dispatcher.start()
    await turn()
    expect(claims).toHaveLength(0)
  })

  it('a dispatcher stopped after a failure leaves no timer', async () => {
    const { dispatcher, next, claims } = rig()
    dispatcher.start()
    ;(await next()).fail(new Error('busy'))
    await turn()
    const stopped = dispatcher.stop()
    // On a busy machine the timer was first, and a claim is under way already.
    for (const claim of claims.splice(0)) claim.answer(null)
    await stopped
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(claims).toHaveLength(0)
  })
})
