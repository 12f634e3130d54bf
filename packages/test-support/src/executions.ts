/** Executions of a real server by both engines, whose models follow one script; the tools count their own calls. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import type { Script } from '@millrace/scripted-model'
import { expect } from 'vitest'
import { type AgentPlace, eventsOf, type SessionEvent } from './agents.ts'
import { post, type ServerProcess } from './server.ts'
import { expectStory } from './story.ts'
import { until } from './until.ts'

export interface EngineUnderTest {
  name: 'claude' | 'ai-sdk'
  /** As a request names the model. */
  model: string
  /** As the model is named in the requests of the engine. */
  asked: string
  shell: string
}

export const engines: EngineUnderTest[] = [
  { name: 'claude', model: 'claude:told-by-claude', asked: 'told-by-claude', shell: 'Bash' },
  { name: 'ai-sdk', model: 'anthropic:told-by-us', asked: 'told-by-us', shell: 'shell' },
]

type Step = Script['steps'][number]
type Content = Extract<Step['reply'], { content: unknown }>['content']

/** Each call of a tool that works leaves its name in this file of the project. */
const countFile = 'calls.txt'

const said = (text: string): Content => [{ type: 'text', text }]

/** The call of a tool: the name of the engine's shell, and a command that counts itself. */
function counting({ shell }: EngineUnderTest, name: string): Content[number] {
  return {
    type: 'tool_use',
    name: shell,
    input: { command: `echo ${name} >> ${countFile}; echo ${name} is done` },
  }
}

/** The calls by which an engine shows which of the phases Look and Mend are at work. */
function phases({ name }: EngineUnderTest, look: string, mend: string): Content {
  if (name === 'claude') {
    const list = [
      { name: 'Look', status: look },
      { name: 'Mend', status: mend },
    ]
    return [{ type: 'tool_use', name: 'mcp__millrace__plan', input: { goal: 'All green', phases: list } }]
  }
  const phase = (phaseId: string, status: string): Content[number] => ({
    type: 'tool_use',
    name: 'phase',
    input: { phaseId, status },
  })
  if (look === 'active') {
    const plan = { goal: 'All green', phases: [{ name: 'Look' }, { name: 'Mend' }] }
    return [{ type: 'tool_use', name: 'plan', input: plan }, phase('phase-1', 'active')]
  }
  return [phase('phase-2', mend)]
}

/** A plan, a call in its first phase, two calls at once in its second, and an answer; by the number of the turn. */
function stepsOf(engine: EngineUnderTest): Step[] {
  const usage = { input_tokens: 100, output_tokens: 10 }
  const turn = (number: number, content: Content): Step => ({
    when: { turn: number, model: engine.asked },
    reply: { content, usage },
  })
  return [
    turn(1, [{ type: 'thinking', thinking: 'I need a plan.' }, ...phases(engine, 'active', 'pending')]),
    turn(2, [...said('First I look.'), counting(engine, 'look')]),
    turn(3, phases(engine, 'complete', 'active')),
    turn(4, [counting(engine, 'mend-1'), counting(engine, 'mend-2')]),
    turn(5, phases(engine, 'complete', 'complete')),
    { when: { model: engine.asked, text: '' }, reply: { content: said('All green.'), usage } },
    { when: { model: engine.asked, toolResult: {} }, reply: { content: said('All green.'), usage } },
  ]
}

export const planAndWork: Script = { name: 'plan and work', steps: engines.flatMap(stepsOf) }

/** How often each call worked in a project. */
export function counted(place: AgentPlace, project?: string): Record<string, number> {
  const counts: Record<string, number> = {}
  let text = ''
  try {
    text = readFileSync(join(place.project(project), countFile), 'utf8')
  } catch {
    // No call has worked yet.
  }
  for (const name of text.split('\n').filter(Boolean)) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

export async function execute(server: ServerProcess, body: Record<string, unknown>): Promise<string> {
  const response = await server.call('/api/agent/execute', post({ task: 'Mend it', ...body }))
  const answer = (await response.json()) as { executionId?: string }
  expect([response.status, answer], 'a started execution').toMatchObject([201, {}])
  return String(answer.executionId)
}

/** All events of an execution once it is over, whose story is checked. */
export async function executionToEnd(server: ServerProcess, id: string): Promise<SessionEvent[]> {
  const response = await server.call(`/api/agent/stream/${id}`)
  const events = eventsOf(Buffer.from(await response.arrayBuffer()))
  expect(events.map((event) => event.id)).toEqual(events.map((_, index) => index + 1))
  expectStory(events.filter(({ type }) => !isOfRun(type) && !isTerminal(type)))
  expect(events.filter(({ type }) => isTerminal(type)).map((event) => event.id)).toEqual([events.length])
  return events
}

export async function runOf(server: ServerProcess, id: string): Promise<Run> {
  return (await server.json<{ run: Run }>(`/api/runs/${id}`)).run
}

export function untilOver(server: ServerProcess, id: string): Promise<Run> {
  return until(async () => {
    const run = await runOf(server, id)
    return run.finishedAt === null ? null : run
  }) as Promise<Run>
}

/** What the story says, without what is an engine's own: ids, names of tools, cuts of texts. */
export function outline(events: readonly SessionEvent[]): string[] {
  const lines: string[] = []
  for (const { type, data } of events) {
    if (isOfRun(type) || type === 'usage' || type === 'tool:output') continue
    const what = data.params?.command ?? data.thought
    const line = [type, data.phaseName, what, data.status, data.code]
    if (type === 'text:delta' && lines.at(-1)?.startsWith('text:delta')) lines[lines.length - 1] += data.text
    else if (type === 'text:delta') lines.push(`${type} ${data.text}`)
    else lines.push(line.filter((part) => part !== undefined).join(' '))
  }
  return lines
}

function isOfRun(type: string): boolean {
  return type.startsWith('run:')
}

function isTerminal(type: string): boolean {
  return /^execution:(?:complete|error|interrupted)$/.test(type)
}
