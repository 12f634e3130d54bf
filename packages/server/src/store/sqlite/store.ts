/**
 * The embedded store: one SQLite file, written by one thread and read by another, so that neither a
 * disk nor a long replay ever stops the event loop.
 *
 * Nothing is kept here that is not on disk, but what is on its way there (`outbox.ts`).
 */
import {
  MillraceError,
  type PermissionResolvedEvent,
  permissionTypes,
  type RunKind,
} from '@millrace/protocol'
import { credentialStore } from '#store/batched/credentials'
import { decodeListCursor, encodeListCursor } from '#store/batched/list-cursor'
import { decodeEvents, encodeEvents } from '#store/batched/log-text'
import type { FinishOperation, LogText, Operation, RunRow } from '#store/batched/operations'
import { Outbox, type Written, type WrittenBatch } from '#store/batched/outbox'
import { type Reading, startReading } from '#store/sqlite/reader/reading'
import { startWriting, type Writing } from '#store/sqlite/writer/writing'
import type * as Port from '#store/store'
import { databasePath } from './database.ts'
import { toRecord } from './run-row.ts'

export interface SqliteStoreOptions {
  /** Made where it is missing. Whoever opens it should hold its lock (`lock.ts`). */
  dataDir: string
  /** Told once, when a disk or a thread has failed and nothing is acknowledged any more. */
  onFatal?: (error: Error) => void
  /** Told of each commit: how many writes went to disk together, and how long that took. */
  onBatch?: (batch: WrittenBatch) => void
  /** While the disk is full, writes are tried again this often, in milliseconds. */
  retryFullMs?: number
}

/** A close does not wait longer than this for room on a full disk. */
const closeWhileFullMs = 2000

/**
 * Opens the store of a data directory, making or upgrading its database. Rejects with
 * `storage_failed` (also for a database of a newer version) or `storage_full`.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Port.Store> {
  const path = databasePath(options.dataDir)
  const commitListeners = new Set<(commit: Port.Commit) => void>()
  const statusListeners = new Set<(status: Port.StoreStatus) => void>()
  const outbox = new Outbox({
    send: (operations) => writing.send(operations),
    onCommit: (commit) => tell(commitListeners, commit),
    onStatus: (status) => tell(statusListeners, status),
    onFatal: (error) => options.onFatal?.(error),
    onBatch: options.onBatch,
    retryFullMs: options.retryFullMs ?? 1000,
  })
  const writing: Writing = await startWriting(path, {
    onReply: (reply) => outbox.settle(reply),
    onDeath: (message) => outbox.fail(message),
  })
  const reading = startReading(path, (error) => outbox.fail(error.message))
  let closed: Promise<void> | undefined

  return {
    epoch: writing.epoch,
    credentials: credentialStore((operation) => submit(outbox, operation), reading),
    ...writes(outbox),
    ...reads(reading, writing),
    onCommit: (listener) => listen(commitListeners, listener),
    onStatus: (listener) => listen(statusListeners, listener),
    status: () => outbox.status,
    close() {
      closed ??= outbox
        .drain(closeWhileFullMs)
        // The reader first: the last connection to close folds the write-ahead log into the database.
        .then(() => reading.close())
        .then(() => writing.close())
      return closed
    },
  }
}

type Writes = Pick<
  Port.Store,
  | 'createRun'
  | 'claim'
  | 'append'
  | 'markRunning'
  | 'recordProcess'
  | 'requestEnd'
  | 'requestApproval'
  | 'answerApproval'
  | 'appendTranscript'
  | 'finish'
  | 'prune'
  | 'deleteRun'
  | 'reclaim'
>

function submit(
  outbox: Outbox,
  operation: Operation,
  appended: readonly Port.EventInput[] = [],
  log: LogText[] = [],
): Promise<Written> {
  const events = appended.map(({ at, type, json }) => ({ at, type, json, seq: 0 }))
  let size = 200
  for (const piece of log) size += piece.text.length
  if (operation.op === 'transcript') for (const { json } of operation.entries) size += json.length
  const { promise, resolve, reject } = Promise.withResolvers<Written>()
  outbox.submit({ operation, events, size, resolve, reject })
  return promise
}

function writes(outbox: Outbox): Writes {
  return {
    async createRun(run) {
      const { spec, queued, ...rest } = run
      const log = encodeEvents([queued])
      const written = await submit(
        outbox,
        { op: 'create', run: { ...rest, spec: JSON.stringify(spec) }, log },
        [queued],
        log,
      )
      const created = written.kind === 'row' && written.changed
      return { run: toRecord(rowOf(written)), created }
    },

    async claim({ kind, limit, node }) {
      return recordOrNull(await submit(outbox, { op: 'claim', kind, limit, node }))
    },

    async append(run, attempt, events) {
      const log = encodeEvents(events)
      const count = events.length
      const written = await submit(outbox, { op: 'append', run, attempt, log }, events, log)
      if (written.kind !== 'appended') throw unexpected(written)
      return { firstSeq: written.firstSeq, lastSeq: written.firstSeq + count - 1 }
    },

    async markRunning(run, attempt, event) {
      const log = encodeEvents([event])
      return toRecord(
        rowOf(await submit(outbox, { op: 'running', run, attempt, at: event.at, log }, [event], log)),
      )
    },

    async recordProcess(run, attempt, { pid, startTime }) {
      await submit(outbox, { op: 'process', run, attempt, pid, startTime })
    },

    async requestEnd(run, cause) {
      return recordOrNull(await submit(outbox, { op: 'end', run, cause }))
    },

    async requestApproval(run, attempt, { id, expiresAt, event }) {
      const log = encodeEvents([event])
      await submit(outbox, { op: 'ask', run, attempt, approval: id, expiresAt, log }, [event], log)
    },

    async answerApproval(run, approval, { at, decision, by, user, message }) {
      const data: PermissionResolvedEvent = {
        approvalId: approval,
        decision,
        by,
        ...(user === undefined ? {} : { user }),
        ...(message === undefined ? {} : { message }),
      }
      const json = JSON.stringify(data)
      const event = { at, type: permissionTypes.resolved, json }
      const log = encodeEvents([event])
      await submit(outbox, { op: 'answer', run, approval, answer: json, log }, [event], log)
      return data
    },

    async appendTranscript(run, attempt, entries) {
      const plain = entries.map(({ conversation, subpath, json }) => ({ conversation, subpath, json }))
      if (!plain.every((entry) => Object.values(entry).every((text) => text.isWellFormed()))) {
        throw new MillraceError('invalid_request', 'An entry of a transcript must be well-formed text')
      }
      await submit(outbox, { op: 'transcript', run, attempt, entries: plain })
    },

    async finish(run, attempt, finish) {
      const log = encodeEvents([finish.event])
      const operation: FinishOperation = {
        op: 'finish',
        run,
        attempt,
        state: finish.state,
        at: finish.event.at,
        result: toJson(finish.result),
        error: toJson(finish.error),
        usage: toJson(finish.usage),
        log,
      }
      return toRecord(rowOf(await submit(outbox, operation, [finish.event], log)))
    },

    async prune(run, through) {
      const written = await submit(outbox, { op: 'prune', run, through })
      if (written.kind !== 'dropped') throw unexpected(written)
      return written.events
    },

    async deleteRun(run) {
      const written = await submit(outbox, { op: 'delete', run })
      if (written.kind === 'none') return null
      if (written.kind !== 'dropped') throw unexpected(written)
      return written.events
    },

    async reclaim() {
      const written = await submit(outbox, { op: 'reclaim' })
      if (written.kind !== 'reclaimed') throw unexpected(written)
      return { bytes: written.bytes, more: written.more }
    },
  }
}

type Reads = Pick<
  Port.Store,
  | 'getRun'
  | 'listRuns'
  | 'listActive'
  | 'queueCounts'
  | 'openApprovals'
  | 'getApproval'
  | 'readTranscript'
  | 'expendable'
  | 'bounds'
  | 'readAfter'
>

function reads(reading: Reading, { epoch, cursorKey }: Writing): Reads {
  return {
    async getRun(id) {
      const row = await reading.read('run', { id })
      return row === null ? null : toRecord(row)
    },

    async listRuns({ owner, kind, state, project, limit, cursor }) {
      const before = cursor === undefined ? undefined : decodeListCursor(cursorKey, cursor)
      const { rows, nextBefore } = await reading.read('list', { owner, kind, state, project, limit, before })
      const nextCursor = nextBefore === null ? null : encodeListCursor(cursorKey, nextBefore)
      return { runs: rows.map(toRecord), nextCursor }
    },

    async listActive() {
      return (await reading.read('active', {})).map(toRecord)
    },

    queueCounts: (kind: RunKind) => reading.read('counts', { kind }),
    openApprovals: (run) => reading.read('approvals', { run }),
    getApproval: (run, id) => reading.read('approval', { run, id }),
    readTranscript: (run) => reading.read('transcript', { run }),

    async expendable(rule, cursor) {
      const { found, nextAfter } = await reading.read('expendable', { ...rule, after: Number(cursor ?? 0) })
      return { found, nextCursor: nextAfter === null ? null : String(nextAfter) }
    },

    async bounds(id) {
      const bounds = await reading.read('bounds', { id })
      return bounds === null ? null : { ...bounds, epoch }
    },

    async readAfter(id, request) {
      const page = await reading.read('page', { id, ...request })
      if (page === null) return null
      return { events: decodeEvents(page.text, page.firstSeq), bounds: { ...page.bounds, epoch } }
    },
  }
}

function recordOrNull(written: Written): Port.RunRecord | null {
  return written.kind === 'none' ? null : toRecord(rowOf(written))
}

function rowOf(written: Written): RunRow {
  if (written.kind !== 'row') throw unexpected(written)
  return written.row
}

function unexpected(written: Written): MillraceError {
  return new MillraceError('internal', `The store answered with ${written.kind}`)
}

function toJson(value: unknown): string | null {
  return value === null || value === undefined ? null : (JSON.stringify(value) ?? null)
}

function listen<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** A listener that throws is a bug; it must show, and must not keep the rest from being told. */
function tell<Told>(listeners: ReadonlySet<(told: Told) => void>, told: Told): void {
  for (const listener of listeners) {
    try {
      listener(told)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
