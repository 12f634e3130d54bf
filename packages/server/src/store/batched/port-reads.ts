/** The reads of the port, from what a backend answers. */
import type { RunKind } from '@millrace/protocol'
import { searchTerm } from '#store/rules/search'
import type * as Port from '#store/store'
import type { Backend } from './backend.ts'
import { decodeListCursor, encodeListCursor } from './list-cursor.ts'
import { decodeEvents } from './log-text.ts'
import { toRecord } from './run-record.ts'

type ReadingBackend = Pick<Backend, 'epoch' | 'cursorKey' | 'read'>

type Reads = Pick<
  Port.Store,
  | 'getRun'
  | 'getRunWithBounds'
  | 'listRuns'
  | 'listActive'
  | 'listSilent'
  | 'queueCounts'
  | 'openApprovals'
  | 'getApproval'
  | 'approvalOfCall'
  | 'waitingApprovals'
  | 'undeliveredMessages'
  | 'getMessage'
  | 'readAttachments'
  | 'readTranscript'
  | 'expendable'
  | 'ownerBytes'
  | 'largestOwners'
  | 'bounds'
  | 'readAfter'
>

export function portReads({ epoch, cursorKey, read }: ReadingBackend): Reads {
  return {
    async getRun(id) {
      const row = await read('run', { id })
      return row === null ? null : toRecord(row)
    },

    async getRunWithBounds(id) {
      const row = await read('run', { id })
      if (row === null) return null
      const { firstSeq, head, closed } = row
      return { run: toRecord(row), bounds: { firstSeq, head, closed, epoch } }
    },

    async listRuns({ owner, kind, state, outcome, project, q, limit, cursor }) {
      const before = cursor === undefined ? undefined : decodeListCursor(cursorKey, cursor)
      const term = q === undefined || q === '' ? undefined : searchTerm(q)
      const query = { owner, kind, state, outcome, project, term, limit, before }
      const { rows, nextBefore } = await read('list', query)
      const nextCursor = nextBefore === null ? null : encodeListCursor(cursorKey, nextBefore)
      return { runs: rows.map(toRecord), nextCursor }
    },

    async listActive() {
      return (await read('active', {})).map(toRecord)
    },

    async listSilent(before) {
      return (await read('silent', { before })).map(toRecord)
    },

    queueCounts: (kind: RunKind) => read('counts', { kind }),
    openApprovals: (run) => read('approvals', { run }),
    getApproval: (run, id) => read('approval', { run, id }),
    approvalOfCall: (run, call) => read('approvalOfCall', { run, call }),
    waitingApprovals: ({ owner, before = Number.MAX_SAFE_INTEGER, limit }) =>
      read('waitingApprovals', { owner, before, limit }),
    undeliveredMessages: (run) => read('messages', { run }),
    getMessage: (run, id) => read('message', { run, id }),
    readAttachments: (run, id) => read('attachments', { run, id }),
    readTranscript: (run) => read('transcript', { run }),

    async expendable(rule, cursor) {
      const { found, nextAfter } = await read('expendable', { ...rule, after: Number(cursor ?? 0) })
      return { found, nextCursor: nextAfter === null ? null : String(nextAfter) }
    },

    ownerBytes: (owner) => read('ownerBytes', { owner }),
    largestOwners: (limit) => read('largestOwners', { limit }),

    async bounds(id) {
      const bounds = await read('bounds', { id })
      return bounds === null ? null : { ...bounds, epoch }
    },

    async readAfter(id, request) {
      const page = await read('page', { id, ...request })
      if (page === null) return null
      return { events: decodeEvents(page.text, page.firstSeq), bounds: { ...page.bounds, epoch } }
    },
  }
}
