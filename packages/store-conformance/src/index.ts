/** The one suite that every store passes. It imports vitest, so only tests may import it. */
import type { Store } from '@millrace/server/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeApprovals } from './approvals.ts'
import { describeCredentials } from './credentials.ts'
import { describeListing } from './listing.ts'
import { describeLogs } from './logs.ts'
import { completed, line, newRun, readAll, type Subject } from './material.ts'
import { describeMessages } from './messages.ts'
import { describeParking } from './parking.ts'
import { describeProducers } from './producers.ts'
import { describeQueue } from './queue.ts'
import { describeRetention } from './retention.ts'
import { describeRoom } from './room.ts'
import { describeTranscripts } from './transcripts.ts'

/** An empty store for one test. */
export interface OpenedStore {
  store: Store
  /** Closes the store and opens one on what it left. */
  reopen(): Promise<Store>
  /** Closes the store, if it is open, and removes what it left. */
  dispose(): Promise<void>
}

/** Declares the tests of the suite; `open` is called before each of them. `name` is shown with them. */
export function describeStoreConformance(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, () => {
    let opened: OpenedStore
    let store: Store
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.dispose())
    const subject: Subject = {
      get store() {
        return store
      },
      async reopen() {
        store = await opened.reopen()
        return store
      },
    }

    describeLogs(subject)
    describeQueue(subject)
    describeProducers(subject)
    describeApprovals(subject)
    describeMessages(subject)
    describeParking(subject)
    describeTranscripts(subject)
    describeListing(subject)
    describeCredentials(subject)
    describeRetention(subject)
    describeRoom(subject)

    test('a closed store refuses every call with `draining`', async () => {
      const run = newRun()
      await store.createRun(run)
      await store.close()
      await store.close()
      await expect(store.append(run.id, 0, [line('late')])).rejects.toMatchObject({ code: 'draining' })
      await expect(store.getRun(run.id)).rejects.toMatchObject({ code: 'draining' })
    })

    test('writes handed over before a close are in the store that is opened next', async () => {
      const run = newRun()
      await store.createRun(run)
      const appended = Array.from({ length: 30 }, (_, i) => store.append(run.id, 0, [line(`${i}`)]))
      await store.close()
      await Promise.all(appended)
      await subject.reopen()
      expect((await subject.store.bounds(run.id))?.head).toBe(31)
    })

    test('a reopened store has the same epoch, runs and logs', async () => {
      const run = newRun({ spec: { tool: 'count', args: { a: 'ü' } } })
      await store.createRun(run)
      await store.claim({ kind: 'job', limit: 1, node: 'here' })
      await store.append(run.id, 1, [line('a'), line('ß € 🎉')])
      await store.finish(run.id, 1, completed({ exitCode: 0 }))
      const before = {
        epoch: store.epoch,
        run: await store.getRun(run.id),
        log: await readAll(store, run.id),
      }
      await subject.reopen()
      const after = subject.store
      const now = { epoch: after.epoch, run: await after.getRun(run.id), log: await readAll(after, run.id) }
      expect(now).toEqual(before)
    })
  })
}
