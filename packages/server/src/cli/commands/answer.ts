/** `millrace approve` and `millrace deny`: answer the questions of a session's agent. */
import type { AnswerApprovalBody } from '@millrace/protocol'
import { approvalResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import type { z } from 'zod'
import { callJson, runPath } from '#cli/api'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { findRunId, runArgument } from '#cli/run-id'
import { type Io, printable, Terminal } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

interface AnswerFlags extends ServerFlags {
  /** With a denial, the agent receives it. */
  message?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  for (const [name, decision, what] of [
    ['approve', 'allow', 'allow what the agent of a session asks for'],
    ['deny', 'deny', 'deny what the agent of a session asks for'],
  ] as const) {
    ofServer(program.command(name).argument('<run>', runArgument).argument('<approval>').description(what))
      .option('--message <text>', 'kept in the log; with a denial, sent to the agent')
      .action(async (run: string, approval: string, flags: AnswerFlags) => {
        end(await answerCommand(decision, run, approval, flags, io))
      })
  }
}

async function answerCommand(
  decision: AnswerApprovalBody['decision'],
  given: string,
  approvalId: string,
  flags: AnswerFlags,
  io: Io,
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const message = flags.message === undefined ? {} : { message: flags.message }
  const runId = await findRunId(server, given)
  const answer = await postAnswer(server, runId, approvalId, { decision, ...message })
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${printable(approvalId)} ${decision === 'allow' ? 'allowed' : 'denied'}`)
  return exitCodes.ok
}

/** Fails with a `ClientError`: status 409 if the question has been answered already. */
export function postAnswer(
  server: Server,
  runId: string,
  approvalId: string,
  body: AnswerApprovalBody,
): Promise<z.infer<typeof approvalResponse>> {
  const path = `${runPath(runId)}/approvals/${encodeURIComponent(approvalId)}`
  return callJson(server, path, approvalResponse, { method: 'POST', body })
}
