import type { EndCause } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '#store/memory/store'
import { emptyTables, type MemoryTables } from '#store/memory/tables'
import type { Store } from '#store/store'
import { ann, expectNothingUnhandled, expectWholeLog, openRig, untilOver } from './support/rig.ts'
import { finishAtOnce, scriptedKind } from './support/scripted-runner.ts'

expectNothingUnhandled()

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** A store as a killed server leaves it: its writes are on disk, and nothing is finished. */
async function killedServer(tables: MemoryTables, work: (store: Store) => Promise<void>): Promise<void> {
  const store = openMemoryStore({ tables })
  await work(store)
  await store.close()
}

async function queue(store: Store, n: number, kind: 'job' | 'execution' = 'job'): Promise<string> {
  const id = uuid(n)
  await store.createRun({
    id,
    kind,
    project: null,
    owner: 'ann',
    spec: {},
    createdAt: n,
    retryOf: null,
    resumes: null,
    exclusive: false,
    queued: { at: n, type: 'run:queued', json: '{}' },
    idempotency: null,
  })
  return id
}

async function begin(store: Store, n: number, kind: 'job' | 'execution' = 'job'): Promise<string> {
  const id = await queue(store, n, kind)
  await store.claim({ kind, limit: 1000, node: 'the dead one' })
  await store.markRunning(id, 1, { at: n, type: 'run:started', json: '{}' })
  return id
}

describe('a server that starts after a crash', () => {
  it('a start after a crash interrupts runs that were starting or running, exactly once', async () => {
    const tables = emptyTables()
    await killedServer(tables, async (store) => {
      const id = await begin(store, 1)
      await store.append(id, 1, [{ at: 1, type: 'output', json: '{"line":"seen"}' }])
      await queue(store, 2)
      await store.claim({ kind: 'job', limit: 1000, node: 'the dead one' })
    })
    const first = await openRig({ tables })
    for (const id of [uuid(1), uuid(2)]) {
      expect(await first.store.getRun(id)).toMatchObject({ state: 'interrupted', cause: 'crash' })
    }
    const log = await expectWholeLog(first.store, uuid(1))
    expect(log.map((event) => event.type)).toEqual(['run:queued', 'run:started', 'output', 'error'])
    await first.close()
    const second = await openRig({ tables })
    expect(await expectWholeLog(second.store, uuid(1))).toEqual(log)
    expect(second.runner.begun).toEqual([])
  })

  it('a cause recorded before the crash is kept', async () => {
    const tables = emptyTables()
    const causes: EndCause[] = ['abort', 'shutdown', 'crash']
    await killedServer(tables, async (store) => {
      for (const [n, cause] of causes.entries()) await store.requestEnd(await begin(store, n), cause)
    })
    const { store } = await openRig({ tables })
    for (const [n, cause] of causes.entries()) {
      const state = cause === 'abort' ? 'aborted' : 'interrupted'
      expect(await store.getRun(uuid(n))).toMatchObject({ state, cause })
      await expectWholeLog(store, uuid(n))
    }
    expect((await store.getRun(uuid(1)))?.error?.message).toContain('shutting down')
  })

  it('a queued run whose abort was recorded but not carried out is ended', async () => {
    const tables = emptyTables()
    await killedServer(tables, async (store) => {
      for (let n = 0; n < 300; n++) await queue(store, n)
      await store.requestEnd(uuid(3), 'abort')
      await store.requestEnd(uuid(299), 'abort')
    })
    const { store, runs, runner } = await openRig({ tables, script: finishAtOnce })
    for (const n of [3, 299]) {
      expect(await store.getRun(uuid(n))).toMatchObject({ state: 'aborted', attempt: 0 })
      await expectWholeLog(store, uuid(n))
    }
    expect((await untilOver(runs, uuid(298))).state).toBe('completed')
    expect(runner.begun).toHaveLength(298)
  })

  it('leftover processes are ended before the log says that the run is over', async () => {
    const tables = emptyTables()
    await killedServer(tables, async (store) => {
      await store.recordProcess(await begin(store, 1), 1, { pid: 4242, startTime: 7 })
      await begin(store, 2)
    })
    const told: unknown[] = []
    const states: (string | undefined)[] = []
    const own = { store: null as Store | null }
    await openRig({
      tables,
      between: (store) => {
        own.store = store
        return store
      },
      parts: {
        endLeftovers: async (runs) => {
          told.push(...runs)
          for (const { id } of runs) states.push((await own.store?.getRun(id))?.state)
          return 1
        },
      },
    })
    expect(told).toEqual([
      { id: uuid(1), process: { pid: 4242, startTime: 7 } },
      { id: uuid(2), process: null },
    ])
    expect(states).toEqual(['running', 'running'])
  })

  it('no run begins before all runs left over are closed', async () => {
    const tables = emptyTables()
    await killedServer(tables, async (store) => {
      for (let n = 0; n < 4; n++) await begin(store, n)
      await queue(store, 4)
    })
    const leftAtBegin: number[] = []
    const { runs, store, runner } = await openRig({
      tables,
      between: (store) => ({
        ...store,
        // The last one takes its time to close.
        finish: async (id, ...finish) => {
          if (id === uuid(3)) await new Promise((resolve) => setTimeout(resolve, 30))
          return store.finish(id, ...finish)
        },
        claim: async (claim) => {
          leftAtBegin.push((await store.listActive()).filter((run) => run.node === 'the dead one').length)
          return store.claim(claim)
        },
      }),
      script: finishAtOnce,
    })
    await untilOver(runs, uuid(4))
    expect(leftAtBegin.every((left) => left === 0)).toBe(true)
    expect(runner.begun).toEqual([uuid(4)])
    await expectWholeLog(store, uuid(3))
  })

  it('runs of a removed kind, and those whose runner cannot describe the end, are closed too', async () => {
    const tables = emptyTables()
    await killedServer(tables, async (store) => {
      await begin(store, 1, 'execution')
      await begin(store, 2)
      await queue(store, 3, 'execution')
    })
    const { store, runs } = await openRig({
      tables,
      parts: {
        kinds: [
          scriptedKind(
            {
              kind: 'job',
              run: () => Promise.reject(new Error('no')),
              endedData: () => {
                throw new Error('no words')
              },
            },
            1,
          ),
        ],
      },
    })
    for (const n of [1, 2]) expect((await store.getRun(uuid(n)))?.state).toBe('interrupted')
    expect((await runs.abort(uuid(3), ann)).state).toBe('aborted')
  })
})
