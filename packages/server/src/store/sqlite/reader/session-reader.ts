/** Reads what sessions have besides their logs: questions to people, and the conversation that is kept. */
import type { DatabaseSync } from 'node:sqlite'
import type { Message } from '@millrace/protocol'
import { contentsIn, type MessageColumns, messageOf } from '#store/batched/attachments'
import type { Reads } from '#store/batched/backend'
import { messageColumns } from '#store/sqlite/run-columns'
import type { Approval, OpenApproval, TranscriptEntry } from '#store/store'

export interface SessionReader {
  openApprovals(run: string): Reads['approvals']['answer']
  approval(run: string, id: string): Approval | null
  approvalOfCall(run: string, call: string): Approval | null
  waitingApprovals(ask: Reads['waitingApprovals']['ask']): OpenApproval[]
  /** Those that are not delivered, oldest first. */
  messages(run: string): Message[]
  message(run: string, id: string): Message | null
  attachments(run: string, id: string): string[]
  transcript(run: string): TranscriptEntry[]
}

const ofRun = 'run = (SELECT n FROM runs WHERE id = ?)'

export function createSessionReader(db: DatabaseSync): SessionReader {
  const selectOpen = db.prepare(
    `SELECT id, expires_at AS expiresAt FROM approvals WHERE ${ofRun} AND answer IS NULL ORDER BY n`,
  )
  const approvalColumns = 'id, expires_at AS expiresAt, answer'
  const select = db.prepare(`SELECT ${approvalColumns} FROM approvals WHERE ${ofRun} AND id = ?`)
  const selectOfCall = db.prepare(
    `SELECT ${approvalColumns} FROM approvals WHERE ${ofRun} AND call = ? ORDER BY n DESC LIMIT 1`,
  )
  const selectWaiting = db.prepare(`SELECT runs.id AS runId, approvals.id, expires_at AS expiresAt
    FROM approvals JOIN runs ON runs.n = approvals.run
    WHERE answer IS NULL AND expires_at < ?1 AND (?2 IS NULL OR owner = ?2) ORDER BY expires_at LIMIT ?3`)
  const selectMessages = db.prepare(
    `SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND state IN ('waiting', 'taken') ORDER BY n`,
  )
  const selectMessage = db.prepare(`SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND id = ?`)
  const selectContents = db.prepare(`SELECT contents FROM attachments WHERE ${ofRun} AND message = ?`)
  const selectEntries = db.prepare(
    `SELECT conversation, subpath, json FROM transcripts WHERE ${ofRun} ORDER BY n`,
  )

  return {
    openApprovals: (run) => selectOpen.all(run) as unknown as Reads['approvals']['answer'],
    approval: (run, id) => approvalOf(select.get(run, id)),
    approvalOfCall: (run, call) => approvalOf(selectOfCall.get(run, call)),
    waitingApprovals: ({ owner, before, limit }) =>
      selectWaiting.all(before, owner ?? null, limit) as unknown as OpenApproval[],
    messages: (run) => (selectMessages.all(run) as unknown as MessageColumns[]).map(messageOf),
    message(run, id) {
      const found = selectMessage.get(run, id) as unknown as MessageColumns | undefined
      return found === undefined ? null : messageOf(found)
    },
    attachments: (run, id) => contentsIn(selectContents.get(run, id)?.contents as string | undefined),
    transcript: (run) => selectEntries.all(run) as unknown as TranscriptEntry[],
  }
}

function approvalOf(row: Record<string, unknown> | undefined): Approval | null {
  if (row === undefined) return null
  const answer = row.answer === null ? null : JSON.parse(String(row.answer))
  return { id: String(row.id), expiresAt: Number(row.expiresAt), answer }
}
