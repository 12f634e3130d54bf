/** `millrace approve` and `millrace deny`: answers to what the agent of a session asks. */
import { type AnswerApprovalBody, approvalResponse } from '@millrace/protocol'
import type { z } from 'zod'
import { callJson, runPath } from '#cli/api'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { type Io, printable, Terminal } from '#cli/terminal'
import type { ServerFlags } from './short.ts'

export interface AnswerFlags extends ServerFlags {
  /** The agent is told with a denial. */
  message?: string
}

export async function answerCommand(
  decision: AnswerApprovalBody['decision'],
  runId: string,
  approvalId: string,
  flags: AnswerFlags,
  io: Io,
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const message = flags.message === undefined ? {} : { message: flags.message }
  const answer = await postAnswer(server, runId, approvalId, { decision, ...message })
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${printable(approvalId)} ${decision === 'allow' ? 'allowed' : 'denied'}`)
  return exitCodes.ok
}

/** Fails with `Refused`, of status 409 when somebody or something has answered before. */
export function postAnswer(
  server: Server,
  runId: string,
  approvalId: string,
  body: AnswerApprovalBody,
): Promise<z.infer<typeof approvalResponse>> {
  const path = `${runPath(runId)}/approvals/${encodeURIComponent(approvalId)}`
  return callJson(server, path, approvalResponse, { method: 'POST', body })
}
