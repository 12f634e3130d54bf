/** Reads what sessions have besides their logs: questions to people, and the conversation that is kept. */
import type { Message } from '@millrace/protocol'
import { contentsIn, type MessageColumns, messageOf } from '#store/batched/attachments'
import type { Reads } from '#store/batched/backend'
import { hasNul, isRunId, messageColumns } from '#store/postgres/rows'
import type { Approval, OpenApproval, TranscriptEntry } from '#store/store'
import type { Query } from './query.ts'

const ofRun = 'run = (SELECT n FROM runs WHERE id = $1)'
const selectOpen = {
  name: 'open approvals',
  text: `SELECT id, expires_at AS "expiresAt" FROM approvals WHERE ${ofRun} AND answer IS NULL ORDER BY n`,
}
const select = {
  name: 'approval',
  text: `SELECT id, expires_at AS "expiresAt", answer FROM approvals WHERE ${ofRun} AND id = $2`,
}
const selectOfCall = {
  name: 'approval of call',
  text: `SELECT id, expires_at AS "expiresAt", answer FROM approvals WHERE ${ofRun} AND call = $2 ORDER BY n DESC LIMIT 1`,
}
const selectWaiting = {
  name: 'waiting approvals',
  text: `SELECT runs.id AS "runId", approvals.id, expires_at AS "expiresAt" FROM approvals JOIN runs ON runs.n = approvals.run
    WHERE answer IS NULL AND expires_at < $1 AND ($2::text IS NULL OR owner = $2) ORDER BY expires_at LIMIT $3`,
}
const selectEntries = {
  name: 'transcript',
  text: `SELECT conversation, subpath, json FROM transcripts WHERE ${ofRun} ORDER BY n`,
}

const selectMessages = {
  name: 'undelivered messages',
  text: `SELECT ${messageColumns} FROM messages WHERE ${ofRun} AND state IN ('waiting', 'taken') ORDER BY n`,
}
const selectContents = {
  name: 'contents of attachments',
  text: `SELECT contents FROM attachments WHERE ${ofRun} AND message = $2`,
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
      return isRunId(run) && !hasNul(id) ? approvalOf(await query<ApprovalRow>(select, [run, id])) : null
    },
    async approvalOfCall(run: string, call: string): Promise<Approval | null> {
      return isRunId(run) && !hasNul(call)
        ? approvalOf(await query<ApprovalRow>(selectOfCall, [run, call]))
        : null
    },
    waitingApprovals: async ({
      owner,
      before,
      limit,
    }: Reads['waitingApprovals']['ask']): Promise<OpenApproval[]> =>
      hasNul(owner) ? [] : query<OpenApproval>(selectWaiting, [before, owner ?? null, limit]),
    /** Those that are not delivered, oldest first. */
    messages: async (run: string): Promise<Message[]> =>
      isRunId(run) ? (await query<MessageColumns>(selectMessages, [run])).map(messageOf) : [],
    async message(run: string, id: string): Promise<Message | null> {
      if (!isRunId(run) || hasNul(id)) return null
      const [found] = await query<MessageColumns>(selectMessage, [run, id])
      return found === undefined ? null : messageOf(found)
    },
    async attachments(run: string, id: string): Promise<string[]> {
      if (!isRunId(run) || hasNul(id)) return []
      return contentsIn((await query<{ contents: string }>(selectContents, [run, id]))[0]?.contents)
    },
    transcript: async (run: string): Promise<TranscriptEntry[]> =>
      isRunId(run) ? query(selectEntries, [run]) : [],
  }
}

interface ApprovalRow {
  id: string
  expiresAt: number
  answer: string | null
}

function approvalOf([found]: readonly ApprovalRow[]): Approval | null {
  if (found === undefined) return null
  return { ...found, answer: found.answer === null ? null : JSON.parse(found.answer) }
}
