/** `millrace show`: what is known of one run. */
import type { Run } from '@millrace/protocol'
import { runResponse } from '@millrace/protocol/schemas'
import { nameOf, resultText } from '@millrace/protocol/view'
import type { Command } from 'commander'
import { callJson, runPath } from '#cli/api'
import { connect, whereOf } from '#cli/connect'
import { exitCodes } from '#cli/exit-codes'
import { findRunId, runArgument } from '#cli/run-id'
import { type Io, printable, Terminal } from '#cli/terminal'
import { type CommandContext, ofServer, type ServerFlags } from './command.ts'

export function declare(program: Command, { io, end }: CommandContext): void {
  ofServer(
    program.command('show').argument('<run>', runArgument).description('show the details of a run'),
  ).action(async (run: string, flags: ServerFlags) => end(await showCommand(run, flags, io)))
}

async function showCommand(given: string, flags: ServerFlags, io: Io): Promise<number> {
  const terminal = new Terminal(io, { json: flags.json ?? false })
  const { server } = await connect(whereOf(flags, io))
  const answer = await callJson(server, runPath(await findRunId(server, given)), runResponse)
  if (terminal.json) {
    await terminal.value(answer)
    return exitCodes.ok
  }
  const facts = factsOf(answer.run).filter(([, value]) => value !== '')
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) {
    const text = `${terminal.styled('bold', name.padEnd(width))}  ${printable(value).replaceAll('\n', '\n  ')}`
    const failed = name === 'result' && answer.run.outcome === 'failure'
    await terminal.line(failed ? terminal.styled('red', text) : text)
  }
  return exitCodes.ok
}

function factsOf(run: Run): [name: string, value: string][] {
  const { spec, error, usage, createdAt, startedAt, finishedAt } = run
  return [
    ['run', run.id],
    ['kind', run.kind],
    ['what', nameOf(run)],
    ['args', Object.keys(spec.args ?? {}).length === 0 ? '' : JSON.stringify(spec.args)],
    ['result', resultText(run)],
    ['outcome', run.outcome ?? ''],
    ['error', error?.message ?? ''],
    ['project', run.project ?? ''],
    ['owner', run.owner],
    ['created', timeOf(createdAt)],
    ['waited', secondsBetween(createdAt, startedAt)],
    ['took', secondsBetween(startedAt, finishedAt)],
    ['events', `${run.head}`],
    ['usage', usage === null ? '' : JSON.stringify(usage)],
    ['retry of', run.retryOf ?? ''],
    ['resumes', run.resumes ?? ''],
    ['fork of', run.forkOf ?? ''],
  ]
}

function timeOf(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}

function secondsBetween(from: number | null, to: number | null): string {
  return from === null || to === null ? '' : `${(Math.max(to - from, 0) / 1000).toFixed(1)} s`
}
