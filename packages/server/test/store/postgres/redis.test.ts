/** Nodes on one database that tell each other through a Redis what they commit. */
import { completed, line, newApproval, newRun, runningRun } from '@millrace/store-conformance/material'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Commit, Store } from '#store/store'
import { monotonicClock } from '#time/clock'
import { sharedWakeups } from '#wakeups/shared'
import { Wakeups } from '#wakeups/wakeups'
import { serverUrl, testDatabase } from './support/database.ts'
import { hasRedis, startRedis } from './support/redis.ts'

const full = process.env.MILLRACE_TEST_FULL !== undefined

/** What a feed does: it listens to one log, and knows how far that has got. */
function follow(store: Store, runId: string) {
  const { shared } = store
  if (shared === undefined) throw new Error('the store has one node')
  const wakeups = new Wakeups([sharedWakeups(shared, monotonicClock.after), commits(store)])
  onTestFinished(() => wakeups.close())
  const seen = { head: 0, rechecks: 0 }
  const stop = wakeups.listen(runId, {
    woken: ({ head }) => {
      seen.head = Math.max(seen.head, head)
    },
    recheck: () => {
      seen.rechecks += 1
    },
  })
  return { seen, stop }
}

function commits(store: Store) {
  return {
    open: (sink: { wake(wakeup: Commit & { deleted: boolean }): void }) =>
      store.onCommit((commit) => sink.wake({ ...commit, deleted: commit.change === 'deleted' })),
  }
}

describe.skipIf(serverUrl === null || !hasRedis)('nodes on one database and one Redis', () => {
  test('a node hears of appends to the runs it follows at once, of all others together, and of everything else at once', async () => {
    const database = await testDatabase()
    const redis = await startRedis()
    const [one, two] = [
      await database.open({ redisUrl: redis.url }),
      await database.open({ redisUrl: redis.url }),
    ]
    const heard: Commit[] = []
    two.onCommit((commit) => heard.push(commit))
    await connected(one, two)
    const [followed, other] = [await runningRun(one), await runningRun(one)]
    await expect.poll(() => heard.filter(({ state }) => state === 'running').length).toBe(2)
    const { seen, stop } = follow(two, followed)
    await expect
      .poll(
        async () => {
          await one.append(followed, 1, [line('x')])
          return seen.head
        },
        { interval: 20 },
      )
      .toBeGreaterThan(2)
    // Told to all together, a second later at most.
    await one.append(other, 1, [line('1'), line('2')])
    await expect.poll(() => heard.findLast(({ runId }) => runId === other)?.head).toBe(4)
    await one.requestApproval(other, 1, newApproval())
    await expect.poll(() => heard.findLast(({ runId }) => runId === other)?.head).toBe(5)
    await one.finish(other, 1, completed())
    await expect
      .poll(() => heard.findLast(({ runId }) => runId === other))
      .toMatchObject({ change: 'finished', elsewhere: true, closed: true, events: [] })
    stop()
    const letters: string[] = []
    two.shared?.onLetter(({ text }) => letters.push(text))
    const long = JSON.stringify('x'.repeat(1_000_000))
    await one.shared?.post(null, long)
    await one.shared?.post(two.shared?.node ?? '', '"yours"')
    await one.shared?.post('somebody else', '"theirs"')
    await one.shared?.post(null, '"last"')
    await expect.poll(() => letters).toHaveLength(3)
    expect(letters.sort()).toEqual(['"last"', '"yours"', long].sort())
  })

  test('while Redis is killed nothing is lost, what is followed is a second late, and hints are back with it', async () => {
    const database = await testDatabase()
    const redis = await startRedis()
    const [one, two] = [
      await database.open({ redisUrl: redis.url }),
      await database.open({ redisUrl: redis.url }),
    ]
    await connected(one, two)
    const id = await runningRun(one)
    const { seen } = follow(two, id)
    let head = 2
    const lateness = async () => {
      await one.append(id, 1, [line('x')])
      head += 1
      const committedAt = performance.now()
      while (seen.head < head) await new Promise((done) => setTimeout(done, 2))
      return performance.now() - committedAt
    }
    const rounds = full ? 20 : 3
    const measure = async () => {
      const times = []
      for (let n = 0; n < rounds; n++) times.push(await lateness())
      return times.sort((a, b) => a - b)
    }
    await expect.poll(lateness).toBeLessThan(200)
    const [with_, rechecks] = [await measure(), seen.rechecks]
    await redis.kill()
    const without = await measure()
    await redis.start()
    await expect.poll(() => seen.rechecks).toBeGreaterThan(rechecks)
    await expect.poll(lateness).toBeLessThan(200)
    const again = await measure()
    const shown = (times: number[]) =>
      `median ${times[Math.floor(rounds / 2)]?.toFixed()} ms, at most ${times.at(-1)?.toFixed()} ms`
    console.log(
      `heads at another node: with Redis ${shown(with_)}; killed ${shown(without)}; back ${shown(again)}`,
    )
    // 1.5 s on a quiet machine.
    expect(without.at(-1)).toBeLessThan(15_000)
    expect((await one.bounds(id))?.head).toBe(head)
  })

  test('a server starts while its Redis is away', async () => {
    const database = await testDatabase()
    const store = await database.open({ redisUrl: 'redis://127.0.0.1:1' })
    const { run } = await store.createRun(newRun())
    expect(await store.getRun(run.id)).toMatchObject({ state: 'queued' })
  })
})

/** Both know of each other, and are connected: hints pass. */
async function connected(one: Store, two: Store): Promise<void> {
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    let heard = false
    const stop = to.onCommit(({ elsewhere }) => {
      heard ||= elsewhere === true
    })
    await expect
      .poll(async () => {
        await from.createRun(newRun({ kind: 'execution' }))
        return heard
      })
      .toBe(true)
    stop()
  }
}
