/** The writes of the port, as operations in the outbox, and the answers made of their results. */

import { MillraceError, type PermissionResolvedEvent, permissionTypes } from '@millrace/protocol'
import type { RunRow } from '#store/rules/rows'
import type * as Port from '#store/store'
import { attachedOf } from './attachments.ts'
import { encodeEvents } from './log-text.ts'
import type { LogText, Operation } from './operations.ts'
import type { Outbox, Written } from './outbox.ts'
import { toRecord } from './run-record.ts'

export function submit(
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

export function portWrites(outbox: Outbox) {
  return {
    ...runWrites(outbox),
    ...parkingWrites(outbox),
    ...eventWrites(outbox),
    ...messageWrites(outbox),
    ...retentionWrites(outbox),
  }
}

function runWrites(
  outbox: Outbox,
): Pick<
  Port.Store,
  'createRun' | 'claim' | 'markRunning' | 'recordProcess' | 'requestEnd' | 'finish' | 'finishSilent'
> {
  const finishing = (
    run: string,
    attempt: number,
    { state, event, result, error, usage, ownerBytesMax }: Port.Finish,
    silentBefore: number | null,
  ): Promise<Written> => {
    const log = encodeEvents([event])
    const left = { result: toJson(result), error: toJson(error), usage: toJson(usage) }
    const ending = { state, at: event.at, ...left, silentBefore, ownerBytesMax }
    return submit(outbox, { op: 'finish', run, attempt, ...ending, log }, [event], log)
  }
  return {
    async createRun(run) {
      const { spec, queued, detached, exclusive, place = run.project, ...rest } = run
      const events = detached === undefined ? [queued] : [queued, detached.started]
      const log = encodeEvents(events)
      const leaseUntil = detached?.leaseUntil ?? null
      const written = await submit(
        outbox,
        {
          op: 'create',
          run: { ...rest, place: exclusive ? place : null, leaseUntil, spec: JSON.stringify(spec) },
          log,
        },
        events,
        log,
      )
      const created = written.kind === 'row' && written.changed
      return { run: toRecord(rowOf(written)), created }
    },

    async claim(claim) {
      return recordOrNull(await submit(outbox, { op: 'claim', ...claim }))
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

    async finish(run, attempt, finish) {
      return toRecord(rowOf(await finishing(run, attempt, finish, null)))
    },

    async finishSilent(run, attempt, finish, silentBefore) {
      return recordOrNull(await finishing(run, attempt, finish, silentBefore))
    },
  }
}

function parkingWrites(outbox: Outbox): Pick<Port.Store, 'park' | 'wake'> {
  return {
    async park(run, attempt, { usage, event }) {
      const events = event === null ? [] : [event]
      const log = encodeEvents(events)
      const operation = { op: 'park', run, attempt, usage: toJson(usage), log } as const
      return recordOrNull(await submit(outbox, operation, events, log))
    },

    async wake(run, attempt, event) {
      const log = encodeEvents([event])
      return toRecord(rowOf(await submit(outbox, { op: 'wake', run, attempt, log }, [event], log)))
    },
  }
}

function eventWrites(
  outbox: Outbox,
): Pick<Port.Store, 'append' | 'produce' | 'requestApproval' | 'answerApproval' | 'appendTranscript'> {
  return {
    async append(run, attempt, events) {
      const log = encodeEvents(events)
      const count = events.length
      const written = await submit(outbox, { op: 'append', run, attempt, log }, events, log)
      if (written.kind !== 'appended') throw unexpected(written)
      return { firstSeq: written.firstSeq, lastSeq: written.firstSeq + count - 1 }
    },

    async produce(run, { events, producer, leaseUntil }) {
      const log = encodeEvents(events)
      const batch = { producer: producer?.id ?? null, epoch: producer?.epoch ?? 0, seq: producer?.seq ?? 0 }
      const written = await submit(outbox, { op: 'produce', run, ...batch, leaseUntil, log }, events, log)
      if (written.kind === 'duplicate') {
        return { firstSeq: written.firstSeq, lastSeq: written.lastSeq, duplicate: true }
      }
      if (written.kind !== 'appended') throw unexpected(written)
      const { firstSeq } = written
      return { firstSeq, lastSeq: firstSeq + events.length - 1, duplicate: false }
    },

    async requestApproval(run, attempt, { id, expiresAt, call = null, event }) {
      const log = encodeEvents([event])
      await submit(outbox, { op: 'ask', run, attempt, approval: id, expiresAt, call, log }, [event], log)
    },

    async answerApproval(run, approval, { at, decision, by, ...given }) {
      const { user, message, updatedInput, values, scope, ownerBytesMax } = given
      const data: PermissionResolvedEvent = {
        approvalId: approval,
        decision,
        by,
        ...(user === undefined ? {} : { user }),
        ...(message === undefined ? {} : { message }),
        ...(updatedInput === undefined ? {} : { updatedInput }),
        ...(values === undefined ? {} : { values }),
        ...(scope === undefined ? {} : { scope }),
      }
      const json = JSON.stringify(data)
      const event = { at, type: permissionTypes.resolved, json }
      const log = encodeEvents([event])
      await submit(outbox, { op: 'answer', run, approval, answer: json, ownerBytesMax, log }, [event], log)
      return data
    },

    async appendTranscript(run, attempt, entries) {
      const plain = entries.map(({ conversation, subpath, json }) => ({ conversation, subpath, json }))
      if (!plain.every((entry) => Object.values(entry).every((text) => text.isWellFormed()))) {
        throw new MillraceError('invalid_request', 'An entry of a transcript must be well-formed text')
      }
      await submit(outbox, { op: 'transcript', run, attempt, entries: plain })
    },
  }
}

function messageWrites(
  outbox: Outbox,
): Pick<Port.Store, 'acceptMessage' | 'takeMessages' | 'deliverMessage' | 'withdrawMessage' | 'sealRun'> {
  return {
    async acceptMessage(run, { id, mode, text, user, attachments, event, ...given }) {
      const log = encodeEvents([event])
      const { about, contents } = attachedOf(attachments)
      const message = { id, mode, text, user, at: event.at, ...about }
      const { waitingMax, undeliveredBytesMax, ownerBytesMax } = given
      const limits = { waitingMax, undeliveredBytesMax, ownerBytesMax }
      await submit(outbox, { op: 'say', run, message, contents, limits, log }, [event], log)
    },

    async takeMessages(run, attempt, { want, seal }) {
      const written = await submit(outbox, { op: 'take', run, attempt, want, seal })
      if (written.kind !== 'taken') throw unexpected(written)
      return { messages: written.messages, sealed: written.sealed }
    },

    async deliverMessage(run, attempt, message, event) {
      const log = encodeEvents([event])
      await submit(outbox, { op: 'deliver', run, attempt, message, log }, [event], log)
    },

    async withdrawMessage(run, message, event) {
      const log = encodeEvents([event])
      await submit(outbox, { op: 'withdraw', run, message, log }, [event], log)
    },

    async sealRun(run) {
      return toRecord(rowOf(await submit(outbox, { op: 'seal', run })))
    },
  }
}

function retentionWrites(outbox: Outbox): Pick<Port.Store, 'prune' | 'deleteRun' | 'reclaim'> {
  return {
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
