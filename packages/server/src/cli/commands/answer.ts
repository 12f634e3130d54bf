/** What a person tells the agent of a run: `millrace approve` and `deny` what it asks, `say` and `finish`. */
import type { AnswerApprovalBody, FormValues, SendMessageBody } from '@millrace/protocol'
import { approvalResponse, runResponse, sentMessageResponse } from '@millrace/protocol/schemas'
import type { Command } from 'commander'
import type { z } from 'zod'
import { callJson, runPath } from '#cli/api'
import { attachedFiles } from '#cli/attached-files'
import { connect, type Server, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { findRunId, runArgument } from '#cli/run-id'
import { CliError, type Io, printable, Terminal } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

interface AnswerFlags extends ServerFlags {
  /** With a denial, the agent receives it. */
  message?: string
  forRun?: boolean
  /** JSON. */
  input?: string
  /** JSON. */
  values?: string
}

export function declare(program: Command, { io, end }: CommandContext): void {
  for (const [name, decision, what] of [
    ['approve', 'allow', 'allow a call that an agent waits to make, or answer its question'],
    ['deny', 'deny', 'deny a call that an agent waits to make, or decline its question'],
  ] as const) {
    const command = program
      .command(name)
      .argument('<run>', runArgument)
      .argument('<approval>', 'id of the approval, as follow prints it')
      .description(what)
    if (decision === 'allow') {
      command
        .option('--for-run', 'allow further calls of exactly this kind in this run, too')
        .option('--input <json>', 'run the call with this input instead, if the policy does not deny it')
        .option('--values <json>', 'the answer to a form: a value for each field, by its name')
    }
    ofServer(command)
      .option('--message <text>', 'kept in the log; with a denial, sent to the agent')
      .action(async (run: string, approval: string, flags: AnswerFlags) => {
        end(await answerCommand(decision, run, approval, flags, io))
      })
  }

  ofServer(
    program
      .command('say')
      .argument('<run>', runArgument)
      .argument('<text>', 'the message')
      .description('send a message to an agent at work'),
  )
    .option('--steer', 'join the running turn (default: wait for its end, then start a turn)')
    .option('--interrupt', 'interrupt the running turn')
    .option('--attach <file...>', 'images, PDF documents or texts to send with it')
    .action(async (run: string, text: string, flags: SayFlags) => end(await sayCommand(run, text, flags, io)))

  ofServer(
    program
      .command('finish')
      .argument('<run>', runArgument)
      .description('let an interactive session complete when its turn is over'),
  ).action(async (run: string, flags: ServerFlags) => end(await finishCommand(run, flags, io)))
}

interface SayFlags extends ServerFlags {
  steer?: boolean
  interrupt?: boolean
  attach?: string[]
}

async function sayCommand(given: string, text: string, flags: SayFlags, io: Io): Promise<number> {
  if (flags.steer && flags.interrupt)
    throw new CliError('--steer cannot be combined with --interrupt', exitCodes.usage)
  if (text.trim() === '') throw new CliError('the message is empty', exitCodes.usage)
  const mode = flags.interrupt ? 'interrupt' : flags.steer ? 'steer' : 'queue'
  const attached = flags.attach === undefined ? {} : { attachments: attachedFiles(flags.attach, io.cwd) }
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const sent = await postMessage(server, await findRunId(server, given), { text, mode, ...attached })
  if (terminal.json) await terminal.value(sent)
  else await terminal.line(`${sent.messageId} sent`)
  return exitCodes.ok
}

async function finishCommand(given: string, flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const answer = await postFinish(server, await findRunId(server, given))
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${answer.run.id} takes no more messages`)
  return exitCodes.ok
}

export function postMessage(
  server: Server,
  runId: string,
  body: SendMessageBody,
): Promise<z.infer<typeof sentMessageResponse>> {
  return callJson(server, `${runPath(runId)}/messages`, sentMessageResponse, { method: 'POST', body })
}

export function postFinish(server: Server, runId: string): Promise<z.infer<typeof runResponse>> {
  return callJson(server, `${runPath(runId)}/finish`, runResponse, { method: 'POST' })
}

async function answerCommand(
  decision: AnswerApprovalBody['decision'],
  given: string,
  approvalId: string,
  flags: AnswerFlags,
  io: Io,
): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { message, forRun, input, values } = flags
  const more = {
    ...(message === undefined ? {} : { message }),
    ...(forRun ? { scope: 'run' as const } : {}),
    ...(input === undefined ? {} : { updatedInput: objectIn(input, '--input') }),
    ...(values === undefined ? {} : { values: objectIn(values, '--values') as FormValues }),
  }
  const { server } = await connect(whereOf(flags, io))
  const runId = await findRunId(server, given)
  const answer = await postAnswer(server, runId, approvalId, { decision, ...more })
  if (terminal.json) await terminal.value(answer)
  else await terminal.line(`${printable(approvalId)} ${decision === 'allow' ? 'allowed' : 'denied'}`)
  return exitCodes.ok
}

function objectIn(json: string, option: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    value = null
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { ...value }
  throw new CliError(`${option} expects a JSON object`, exitCodes.usage)
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
