/**
 * `text`: what one agent session takes from the server when its agent writes 24 MB of text. The agent is the real SDK's process in
 * the sandbox; the model is scripted, and a process of its own would change nothing: only the server is measured.
 */
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Script, startScriptedModel } from '../../packages/scripted-model/src/index.ts'
import { Board } from '../measure/board.ts'
import { cpuSeconds, peakResidentBytes, residentBytes } from '../measure/proc.ts'
import type { Scratch } from '../measure/scratch.ts'
import type { Options } from '../options.ts'
import { getRun, type MillraceServer, startMillrace, startRun } from '../peers/millrace.ts'
import { interleaved } from './rounds.ts'

const side = { name: 'millrace' }
const apiKey = 'sk-made-up-for-the-bench'
const megabytes = 24
/** An agent does not work as root: its project belongs to an ordinary user. */
const nobody = 65_534
const over = new Set(['errored', 'aborted', 'interrupted'])
const waitMs = 180_000

const script: Script = {
  name: 'a model that writes a lot',
  deltaChars: 4096,
  steps: [
    {
      when: { prompt: 'a lot' },
      reply: {
        content: [
          { type: 'text', text: 'Here it is.', hold: 'text', deltaChars: 100 },
          { type: 'text', text: 'All of it. '.repeat((megabytes * 1e6) / 11) },
        ],
      },
    },
    { reply: { content: [{ type: 'text', text: 'A title' }] } },
  ],
}
const label = 'one message'

export async function text(options: Options): Promise<Board> {
  const board = new Board(`text: ${megabytes} MB of text in one message of an agent`, [
    { name: 'before', unit: 'MB' },
    { name: 'peak', unit: 'MB' },
    { name: 'server CPU', unit: 's' },
  ])
  await interleaved(`text ${label}`, [side], options.rounds, async (_side, scratch) => {
    board.add(label, side.name, await measure(scratch))
  })
  board.expectValue("the server's peak, MB", { atMost: 300 }, board.median(label, side.name, 'peak'))
  board.note('Nobody follows the session. Before: while the model has not answered yet.')
  return board
}

async function measure(scratch: Scratch): Promise<Record<string, number>> {
  const folder = scratch.folder()
  const project = join(folder, 'project')
  mkdirSync(project)
  if (process.getuid?.() === 0) {
    chmodSync(folder, 0o755)
    chownSync(project, nobody, nobody)
  }
  const model = await startScriptedModel({ script, apiKey })
  scratch.onRelease(() => model.close())
  const server = await startMillrace(scratch, {
    dataDir: join(folder, 'data'),
    project,
    tools: {},
    env: { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: model.url },
  })
  const id = await startRun(server, { kind: 'session', project: 'bench', prompt: 'Write a lot, please.' })
  await Promise.race([model.reached('text'), ended(server, id)])
  const before = residentBytes([server.child.pid])
  const cpu = cpuSeconds([server.child.pid])
  model.release('text')
  await ended(server, id)
  return {
    before: before / 1e6,
    peak: peakResidentBytes(server.child.pid) / 1e6,
    'server CPU': cpuSeconds([server.child.pid]) - cpu,
  }
}

async function ended(server: MillraceServer, id: string): Promise<void> {
  const until = performance.now() + waitMs
  for (;;) {
    const { state } = await getRun(server, id)
    if (state === 'completed') return
    if (over.has(state)) throw new Error(`the session ended ${state}`)
    if (performance.now() > until) throw new Error('the session takes too long')
    await sleep(50)
  }
}
