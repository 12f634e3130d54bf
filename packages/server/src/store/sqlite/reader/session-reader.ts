/** Reads what sessions have besides their logs: questions to people, and the conversation that is kept. */
import type { DatabaseSync } from 'node:sqlite'
import type { Message } from '@millrace/protocol'
import type { Reads } from '#store/batched/backend'
import { messageColumns } from '#store/sqlite/run-columns'
import type { Approval, TranscriptEntry } from '#store/store'

export interface SessionReader {
  openApprovals(run: string): Reads['approvals']['answer']
  approval(run: string, id: string): Approval | null
  /** Those that are not delivered, oldest first. */
  messages(run: string): Message[]
  message(run: string, id: string): Message | null
  transcript(run: string): TranscriptEntry[]
}

const ofRun = 'run = (SELECT n FROM runs WHERE id = ?)'

export function createSessionReader(db: DatabaseSync): SessionReader {
  const selectOpen = db.prepare(
    `SELECT id, expires_at AS expiresAt FROM approvals WHERE ${ofRun} AND answer IS NULL ORDER BY n`,
  )
  const select = db.prepare(`SELECT expires_at AS expiresAt, answer FROM approvals WHERE ${ofRun} AND id = ?`)
  const selectMessages = db.prepare(
    `SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND state IN ('waiting', 'taken') ORDER BY n`,
  )
  const selectMessage = db.prepare(`SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND id = ?`)
  const selectEntries = db.prepare(
    `SELECT conversation, subpath, json FROM transcripts WHERE ${ofRun} ORDER BY n`,
  )

  return {
    openApprovals: (run) => selectOpen.all(run) as unknown as Reads['approvals']['answer'],
    approval(run, id) {
      const row = select.get(run, id)
      if (row === undefined) return null
      const answer = row.answer === null ? null : JSON.parse(String(row.answer))
      return { expiresAt: Number(row.expiresAt), answer }
    },
    messages: (run) => selectMessages.all(run) as unknown as Message[],
    message: (run, id) => (selectMessage.get(run, id) as unknown as Message | undefined) ?? null,
    transcript: (run) => selectEntries.all(run) as unknown as TranscriptEntry[],
  }
}
