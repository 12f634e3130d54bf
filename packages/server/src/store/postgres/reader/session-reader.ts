/** Reads what sessions have besides their logs: questions to people, and the conversation that is kept. */
import type { Message } from '@millrace/protocol'
import type { Reads } from '#store/batched/backend'
import { hasNul, isRunId, messageColumns } from '#store/postgres/rows'
import type { Approval, TranscriptEntry } from '#store/store'
import type { Query } from './query.ts'

const ofRun = 'run = (SELECT n FROM runs WHERE id = $1)'
const selectOpen = {
  name: 'open approvals',
  text: `SELECT id, expires_at AS "expiresAt" FROM approvals WHERE ${ofRun} AND answer IS NULL ORDER BY n`,
}
const select = {
  name: 'approval',
  text: `SELECT expires_at AS "expiresAt", answer FROM approvals WHERE ${ofRun} AND id = $2`,
}
const selectEntries = {
  name: 'transcript',
  text: `SELECT conversation, subpath, json FROM transcripts WHERE ${ofRun} ORDER BY n`,
}

const selectMessages = {
  name: 'undelivered messages',
  text: `SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND state IN ('waiting', 'taken') ORDER BY n`,
}
const selectMessage = {
  name: 'message',
  text: `SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND id = $2`,
}

export function createSessionReader(query: Query) {
  return {
    openApprovals: async (run: string): Promise<Reads['approvals']['answer']> =>
      isRunId(run) ? query(selectOpen, [run]) : [],
    async approval(run: string, id: string): Promise<Approval | null> {
      if (!isRunId(run) || hasNul(id)) return null
      const [found] = await query<{ expiresAt: number; answer: string | null }>(select, [run, id])
      if (found === undefined) return null
      return { expiresAt: found.expiresAt, answer: found.answer === null ? null : JSON.parse(found.answer) }
    },
    /** Those that are not delivered, oldest first. */
    messages: async (run: string): Promise<Message[]> => (isRunId(run) ? query(selectMessages, [run]) : []),
    async message(run: string, id: string): Promise<Message | null> {
      if (!isRunId(run) || hasNul(id)) return null
      return (await query<Message>(selectMessage, [run, id]))[0] ?? null
    },
    transcript: async (run: string): Promise<TranscriptEntry[]> =>
      isRunId(run) ? query(selectEntries, [run]) : [],
  }
}
