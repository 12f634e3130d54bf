/**
 * A store whose writes are observed: how long each took, and what it did to a run. Every way to queue,
 * start and end a run passes here (a request, a recovery, an abort of a queued run), so that none is
 * counted twice and none is forgotten.
 *
 * Owns the count of bytes on their way to the disk. Invariants: a write reaches the store in the turn it
 * was called, and the store's answer or refusal is passed on unchanged.
 */
import { Buffer } from 'node:buffer'
import { MillraceError } from '@millrace/protocol'
import type { EventInput, RunRecord, Store, TranscriptEntry } from '#store/store'

export interface WriteObserver {
  /** A write of a run is on disk, after this long. */
  committed(seconds: number): void
  /** Events are on disk. */
  appended(events: number, bytes: number): void
  queued(run: RunRecord): void
  started(run: RunRecord): void
  ended(run: RunRecord): void
  /** The quota of an owner refused a run, or made one end. */
  overQuota(action: 'refused' | 'ended'): void
}

export interface ObservedStore extends Store {
  /** Bytes of events handed over and not yet settled. */
  uncommittedBytes(): number
}

/** Wraps a store, which must be a plain object of functions: they are called without `this`. */
export function observeStore(
  store: Store,
  observer: WriteObserver,
  now: () => number = () => performance.now(),
): ObservedStore {
  let uncommitted = 0

  async function timed<Result>(bytes: number, write: () => Promise<Result>): Promise<Result> {
    const submittedAt = now()
    uncommitted += bytes
    try {
      const result = await write()
      observer.committed((now() - submittedAt) / 1000)
      return result
    } finally {
      uncommitted -= bytes
    }
  }

  function refused(error: unknown): never {
    if (error instanceof MillraceError && error.code === 'quota_exceeded') observer.overQuota('refused')
    throw error
  }

  return {
    ...store,
    uncommittedBytes: () => uncommitted,

    async createRun(run) {
      const { queued, detached } = run
      const first = detached === undefined ? [queued] : [queued, detached.started]
      const bytes = sizeOf(first)
      const answer = await timed(bytes, () => store.createRun(run)).catch(refused)
      if (answer.created) {
        observer.appended(first.length, bytes)
        observer.queued(answer.run)
        if (detached !== undefined) observer.started(answer.run)
      }
      return answer
    },

    async append(runId, attempt, events) {
      const bytes = sizeOf(events)
      const appended = await timed(bytes, () => store.append(runId, attempt, events))
      observer.appended(events.length, bytes)
      return appended
    },

    async produce(runId, batch) {
      const bytes = sizeOf(batch.events)
      const produced = await timed(bytes, () => store.produce(runId, batch))
      if (!produced.duplicate) observer.appended(batch.events.length, bytes)
      return produced
    },

    async markRunning(runId, attempt, event) {
      const bytes = sizeOf([event])
      const run = await timed(bytes, () => store.markRunning(runId, attempt, event))
      observer.appended(1, bytes)
      observer.started(run)
      return run
    },

    acceptMessage: (runId, message) => store.acceptMessage(runId, message).catch(refused),

    async requestApproval(runId, attempt, approval) {
      const bytes = sizeOf([approval.event])
      await timed(bytes, () => store.requestApproval(runId, attempt, approval))
      observer.appended(1, bytes)
    },

    async answerApproval(runId, approvalId, answer) {
      const data = await timed(0, () => store.answerApproval(runId, approvalId, answer)).catch(refused)
      observer.appended(1, Buffer.byteLength(JSON.stringify(data)))
      return data
    },

    appendTranscript: (runId, attempt, entries) =>
      timed(sizeOf(entries), () => store.appendTranscript(runId, attempt, entries)),

    async finish(runId, attempt, finish) {
      const bytes = sizeOf([finish.event])
      const run = await timed(bytes, () => store.finish(runId, attempt, finish)).catch(refused)
      observer.appended(1, bytes)
      observer.ended(run)
      return run
    },

    async finishSilent(runId, attempt, finish, silentBefore) {
      const bytes = sizeOf([finish.event])
      const run = await timed(bytes, () => store.finishSilent(runId, attempt, finish, silentBefore))
      if (run === null) return null
      observer.appended(1, bytes)
      observer.ended(run)
      return run
    },

    async requestEnd(runId, cause) {
      const run = await timed(0, () => store.requestEnd(runId, cause))
      if (cause === 'quota' && run?.cause === 'quota') observer.overQuota('ended')
      return run
    },
    recordProcess: (runId, attempt, process) => timed(0, () => store.recordProcess(runId, attempt, process)),
  }
}

function sizeOf(events: readonly (EventInput | TranscriptEntry)[]): number {
  let bytes = 0
  for (const { json } of events) bytes += Buffer.byteLength(json)
  return bytes
}
