/** Logs: order, fencing, ends, pages, pruning, commits. */
import { resolveResume } from '@millrace/protocol'
import type { Commit } from '@millrace/server/store'
import { describe, expect, test } from 'vitest'
import { completed, line, newRun, readAll, runningRun, type Subject, upTo } from './material.ts'

export function describeLogs(subject: Subject): void {
  describe('logs', () => {
    test('fifty concurrent appenders make one log without a gap, each in its own order', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const appender = async (who: number) => {
        const seqs: number[] = []
        for (let turn = 0; turn < 8; turn += 1) {
          const events = [line(`${who}:${turn}:a`), line(`${who}:${turn}:b`)]
          const { firstSeq, lastSeq } = await store.append(id, 1, events)
          expect(lastSeq).toBe(firstSeq + 1)
          seqs.push(firstSeq, lastSeq)
        }
        return seqs
      }
      const seqs = await Promise.all(upTo(50).map(appender))
      expect(seqs.flat().sort((a, b) => a - b)).toEqual(upTo(802, 3))
      const events = await readAll(store, id)
      expect(events.map((event) => event.seq)).toEqual(upTo(802))
      for (const [index, own] of seqs.entries()) {
        const texts = own.map((seq) => JSON.parse(events[seq - 1]?.json ?? '').line)
        expect(texts).toEqual(
          upTo(8, 1).flatMap((turn) => ['a', 'b'].map((x) => `${index + 1}:${turn - 1}:${x}`)),
        )
      }
    })

    test('appends that are not awaited keep the order of their calls', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const acks = await Promise.all(upTo(40).map((n) => store.append(id, 1, [line(`${n}`)])))
      expect(acks.map((ack) => ack.firstSeq)).toEqual(upTo(42, 3))
    })

    test('events come back as they were given, whatever is in them', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const events = ['', ' ', 'a b  c', '\n\r\u2028\u0000', 'ü€🎉\ud800', 'x'.repeat(300_000)].map((text) =>
        line(text, -5),
      )
      const large = upTo(40).map((n) => line(`${n}`.repeat(20_000)))
      await store.append(id, 1, [...events, ...large])
      const read = await readAll(store, id)
      expect(read.slice(2).map(({ at, type, json }) => ({ at, type, json }))).toEqual([...events, ...large])
    })

    test('an event that is not one line of JSON, or has no valid type or time, is refused', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const good = line('x')
      for (const bad of [{ json: '{\n}' }, { json: '' }, { type: 'a b' }, { type: '' }, { at: 0.5 }]) {
        await expect(store.append(id, 1, [good, { ...good, ...bad }])).rejects.toMatchObject({
          code: 'invalid_request',
        })
      }
      expect((await store.bounds(id))?.head).toBe(2)
    })

    test('an append of nothing is checked like any other and adds nothing', async () => {
      const { store } = subject
      const id = await runningRun(store)
      expect(await store.append(id, 1, [])).toEqual({ firstSeq: 3, lastSeq: 2 })
      await expect(store.append(id, 0, [])).rejects.toMatchObject({ code: 'stale_attempt' })
    })

    test('an attempt that is not the current one can write nothing', async () => {
      const { store } = subject
      const id = await runningRun(store)
      for (const attempt of [0, 2]) {
        const stale = { code: 'stale_attempt' }
        await expect(store.append(id, attempt, [line('old')])).rejects.toMatchObject(stale)
        await expect(store.markRunning(id, attempt, line('old'))).rejects.toMatchObject(stale)
        await expect(store.recordProcess(id, attempt, { pid: 1, startTime: 1 })).rejects.toMatchObject(stale)
        await expect(store.finish(id, attempt, completed())).rejects.toMatchObject(stale)
      }
      expect(await readAll(store, id)).toHaveLength(2)
    })

    test('one refused append fails alone', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const results = await Promise.allSettled(
        upTo(20).map((n) => store.append(id, n % 2 === 0 ? 1 : 7, [line(`${n}`)])),
      )
      expect(results.map((result) => result.status)).toEqual(
        upTo(20).map((n) => (n % 2 === 0 ? 'fulfilled' : 'rejected')),
      )
      expect((await readAll(store, id)).slice(2).map((event) => JSON.parse(event.json).line)).toEqual(
        upTo(10).map((n) => `${2 * n}`),
      )
    })

    test('writing to a run that does not exist is refused, and reading it gives null', async () => {
      const { store } = subject
      const { id } = newRun()
      await expect(store.append(id, 0, [line('x')])).rejects.toMatchObject({ code: 'not_found' })
      await expect(store.finish(id, 0, completed())).rejects.toMatchObject({ code: 'not_found' })
      expect(await store.requestEnd(id, 'abort')).toBeNull()
      expect(await store.getRun(id)).toBeNull()
      expect(await store.getRunWithBounds(id)).toBeNull()
      expect(await store.bounds(id)).toBeNull()
      expect(await store.readAfter(id, { after: 0, maxBytes: 100 })).toBeNull()
    })

    test('of many calls that race to finish a run one wins, and nothing follows its terminal event', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const racers = upTo(30).map(async (n) => {
        if (n % 3 === 0) return store.finish(id, 1, completed(n))
        return store.append(id, 1, [line(`${n}`)])
      })
      const settled = await Promise.allSettled(racers)
      const finished = settled.filter((result, i) => (i + 1) % 3 === 0 && result.status === 'fulfilled')
      expect(finished).toHaveLength(1)
      for (const result of settled) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'run_over' })
      }
      const events = await readAll(store, id)
      expect(events.map((event) => event.seq)).toEqual(upTo(events.length))
      expect(events.filter((event) => event.type === 'complete')).toHaveLength(1)
      expect(events.at(-1)?.type).toBe('complete')
      await expect(store.append(id, 1, [line('late')])).rejects.toMatchObject({ code: 'run_over' })
      expect(await store.getRunWithBounds(id)).toEqual({
        run: await store.getRun(id),
        bounds: await store.bounds(id),
      })
      expect(await store.bounds(id)).toMatchObject({ head: events.length, closed: true })
    })

    test('a page ends with the event that passes its byte limit, or at its event limit, and the next page continues there', async () => {
      const { store } = subject
      const id = await runningRun(store)
      // 20 bytes of JSON each: {"line":"…"} with é as two of them.
      const events = upTo(30).map((n) => line(`é${`${n}`.padStart(7, '0')}`))
      await store.append(id, 1, events.slice(0, 11))
      for (const event of events.slice(11)) await store.append(id, 1, [event])
      const page = async (after: number, maxBytes: number, maxEvents?: number) => {
        const read = await store.readAfter(
          id,
          maxEvents === undefined ? { after, maxBytes } : { after, maxBytes, maxEvents },
        )
        return read?.events.map((event) => event.seq)
      }
      expect(await page(2, 0)).toEqual([3])
      expect(await page(2, 19)).toEqual([3])
      expect(await page(2, 20)).toEqual([3, 4])
      expect(await page(2, 59)).toEqual([3, 4, 5])
      expect(await page(10, 100)).toEqual(upTo(16, 11))
      expect(await page(13, 1e9)).toEqual(upTo(32, 14))
      expect(await page(5, 1e9, 1)).toEqual([6])
      expect(await page(5, 1e9, 9)).toEqual(upTo(14, 6))
      expect(await page(32, 1e9)).toEqual([])
      expect(await page(99, 1e9)).toEqual([])
      expect((await store.readAfter(id, { after: 31, maxBytes: 1 }))?.bounds).toEqual({
        firstSeq: 1,
        head: 32,
        closed: false,
        epoch: store.epoch,
      })
    })

    test('pruning drops exactly the events up to a seq, and an earlier cursor resolves to a reset', async () => {
      const { store } = subject
      const id = await runningRun(store)
      await store.append(
        id,
        1,
        upTo(10).map((n) => line(`${n}`)),
      )
      await store.append(
        id,
        1,
        upTo(10).map((n) => line(`${n}`)),
      )
      await store.prune(id, 7)
      const bounds = await store.bounds(id)
      expect(bounds).toEqual({ firstSeq: 8, head: 22, closed: false, epoch: store.epoch })
      if (bounds === null) return
      expect(resolveResume({ kind: 'at', after: 6 }, undefined, bounds)).toEqual({
        kind: 'reset',
        reason: 'pruned',
        after: 7,
      })
      expect(resolveResume({ kind: 'at', after: 7 }, undefined, bounds)).toEqual({ kind: 'read', after: 7 })
      expect((await readAll(store, id)).map((event) => event.seq)).toEqual(upTo(22, 8))
      await store.prune(id, 3)
      expect((await store.bounds(id))?.firstSeq).toBe(8)
      await store.finish(id, 1, completed())
      await store.prune(id, 1_000)
      expect(await store.bounds(id)).toMatchObject({ firstSeq: 24, head: 23, closed: true })
      expect(await readAll(store, id)).toEqual([])
      expect(await store.getRun(id)).toMatchObject({ head: 23, state: 'completed' })
    })

    test('commits are announced in order and without a gap, and their events are the log', async () => {
      const { store } = subject
      const commits: Commit[] = []
      const stop = store.onCommit((commit) => commits.push(commit))
      const ids = await Promise.all(upTo(4).map(() => runningRun(store)))
      await Promise.all(
        ids.flatMap((id) => upTo(25).map((n) => store.append(id, 1, [line(`${n}`), line(`${n}`)]))),
      )
      await Promise.all(ids.map((id) => store.finish(id, 1, completed())))
      stop()
      await store.createRun(newRun())
      for (const id of ids) {
        const own = commits.filter((commit) => commit.runId === id)
        const events = own.flatMap((commit) => commit.events)
        expect(events).toEqual(await readAll(store, id))
        expect(events.map((event) => event.seq)).toEqual(upTo(53))
        expect(own[0]).toMatchObject({ change: 'created', state: 'queued', head: 1, closed: false })
        expect(own.at(-1)).toMatchObject({ change: 'finished', state: 'completed', head: 53, closed: true })
        expect(own.filter((commit) => commit.closed)).toHaveLength(1)
        expect(own.slice(1, -1).every((commit) => commit.change === 'updated')).toBe(true)
        let head = 0
        for (const commit of own) {
          head += commit.events.length
          expect(commit.head).toBe(head)
        }
      }
      expect(new Set(commits.map((commit) => commit.runId))).toEqual(new Set(ids))
    })

    test('an event is in the log for every reader before its commit is announced', async () => {
      const { store } = subject
      const id = await runningRun(store)
      const reads: Promise<number | undefined>[] = []
      const announced: number[] = []
      store.onCommit((commit) => {
        announced.push(commit.head)
        reads.push(store.bounds(id).then((bounds) => bounds?.head))
      })
      for (let n = 0; n < 5; n += 1) await store.append(id, 1, [line(`${n}`)])
      const heads = await Promise.all(reads)
      for (const [index, head] of heads.entries()) expect(head).toBeGreaterThanOrEqual(announced[index] ?? 0)
    })
  })
}
