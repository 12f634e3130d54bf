/** Transcripts: what is kept of agents' conversations. */
import type { Commit, Store, TranscriptEntry } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { completed, entry, newRun, readAll, reclaimAll, runningRun, type Subject, upTo } from './material.ts'

export function describeTranscripts(subject: Subject): void {
  describe('transcripts', () => {
    test('entries come back as they were given and in order, also after a reopen', async () => {
      const { store } = subject
      const id = await runningRun(store)
      expect(await store.readTranscript(id)).toEqual([])
      const odd = ['', 'a\nb\u2028\u0000', 'ü€🎉\ud800', 'x'.repeat(300_000)]
      const all = [...odd.map((text) => entry(text)), entry('sub', 'agents/a1'), entry('on')]
      await Promise.all([
        store.appendTranscript(id, 1, all.slice(0, 2)),
        store.appendTranscript(id, 1, []),
        store.appendTranscript(id, 1, all.slice(2)),
      ])
      expect(await store.readTranscript(id)).toEqual(all)
      await subject.reopen()
      expect(await subject.store.readTranscript(id)).toEqual(all)
    })

    test('an entry that is no well-formed text is refused, together with the others of its call', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const bad = { conversation: 'c1', subpath: '', json: '"\ud800"' }
      await expect(store.appendTranscript(id, 1, [entry('good'), bad])).rejects.toMatchObject({
        code: 'invalid_request',
      })
      expect(await store.readTranscript(id)).toEqual([])
    })

    test('an old attempt cannot add to a transcript, and nothing is added once the run is over', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const kept = (attempt: number) => store.appendTranscript(id, attempt, [entry('late')])
      for (const attempt of [0, 2])
        await expect(kept(attempt)).rejects.toMatchObject({ code: 'stale_attempt' })
      await store.finish(id, 1, completed())
      await expect(kept(1)).rejects.toMatchObject({ code: 'run_over' })
      await expect(store.appendTranscript(newRun().id, 1, [])).rejects.toMatchObject({ code: 'not_found' })
      expect(await store.readTranscript(id)).toEqual([])
      expect(await store.readTranscript(newRun().id)).toEqual([])
    })

    test('a transcript is no part of the log: adding to it announces no commit', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const announced: Commit[] = []
      store.onCommit((commit) => announced.push(commit))
      await store.appendTranscript(id, 1, [entry('private')])
      expect(announced).toEqual([])
      expect(await readAll(store, id)).toHaveLength(2)
    })

    test('a run that resumes another begins with its own copy of the transcript, along a chain', async () => {
      const { store } = subject
      const first = await overWith(store, null, entry('1'))
      const second = await overWith(store, first, entry('2'))
      const third = await overWith(store, second, entry('3'))
      const fork = await overWith(store, first, entry('2b'))
      const texts = async (id: string) =>
        (await store.readTranscript(id)).map(({ json }) => JSON.parse(json).text)
      expect(await texts(first)).toEqual(['1'])
      expect(await texts(second)).toEqual(['1', '2'])
      expect(await texts(third)).toEqual(['1', '2', '3'])
      expect(await texts(fork)).toEqual(['1', '2b'])
      for (const id of [first, second]) await store.deleteRun(id)
      await reclaimAll(store)
      expect(await texts(second)).toEqual([])
      expect(await texts(third)).toEqual(['1', '2', '3'])
      expect(await store.getRun(third)).toMatchObject({ resumes: second })
    })

    test('a fork begins with a copy of the first entries of a transcript, which stays as it is', async () => {
      const { store } = subject
      const first = await runningRun(store)
      await store.appendTranscript(first, 1, [entry('1'), entry('2')])
      await store.appendTranscript(first, 1, [entry('3')])
      const fork = newRun({ fork: { of: first, entries: 2 } })
      expect((await store.createRun(fork)).run).toMatchObject({ forkOf: first, resumes: null })
      await store.claim({ kind: 'job', limit: 9, node: 'here' })
      await store.appendTranscript(fork.id, 1, [entry('4')])
      const texts = async (id: string) =>
        (await store.readTranscript(id)).map(({ json }) => JSON.parse(json).text)
      expect(await texts(fork.id)).toEqual(['1', '2', '4'])
      expect(await texts(first)).toEqual(['1', '2', '3'])
      const unknown = newRun({ fork: { of: newRun().id, entries: 1 } })
      await expect(store.createRun(unknown)).rejects.toMatchObject({ code: 'not_resumable' })
    })

    test('resuming a run whose transcript is not kept is refused', async () => {
      const { store } = subject
      const empty = await runningRun(store)
      await store.finish(empty, 1, completed())
      const deleted = await overWith(store, null, entry('gone'))
      await store.deleteRun(deleted)
      for (const resumes of [empty, deleted, newRun().id]) {
        const run = newRun({ resumes })
        await expect(store.createRun(run)).rejects.toMatchObject({ code: 'not_resumable' })
        expect(await store.getRun(run.id)).toBeNull()
      }
    })

    test('the transcript of a deleted run goes with it, and no other transcript loses anything', async () => {
      const { store } = subject
      const gone = await runningRun(store)
      const kept = await runningRun(store)
      for (const id of [gone, kept]) {
        for (const n of upTo(15)) await store.appendTranscript(id, 1, [entry(`${n}:${'x'.repeat(600_000)}`)])
        await store.appendTranscript(
          id,
          1,
          upTo(600).map((n) => entry(`${n}`)),
        )
      }
      const all = await store.readTranscript(kept)
      await store.finish(gone, 1, completed())
      await store.deleteRun(gone)
      expect(await store.readTranscript(gone)).toEqual([])
      await reclaimAll(store)
      expect(await store.readTranscript(kept)).toEqual(all)
      expect(await store.reclaim()).toEqual({ bytes: 0, more: false })
    })
  })
}

/** A run that is over and has added an entry to its transcript; `resumes` names the run it resumes. */
async function overWith(store: Store, resumes: string | null, added: TranscriptEntry): Promise<string> {
  const id = await runningRun(store, { resumes })
  await store.appendTranscript(id, 1, [added])
  await store.finish(id, 1, completed())
  return id
}
