/** What a line of a prompt makes the scripted agent do: its first word is the deed. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type * as acp from '@agentclientprotocol/sdk'
import type { Conversation } from './memory.ts'

export interface Client {
  client: acp.AgentContext
  conversation: Conversation
  /** Aborted when the turn is cancelled. */
  cut: AbortSignal
}

/** The client cancelled the turn. */
export class Cancelled extends Error {}

type Deed = (rest: string, to: Client) => Promise<unknown>

/** A line that names no deed is repeated. Returns a reason to stop, if there is one. */
export async function doLine(line: string, to: Client): Promise<acp.StopReason | undefined> {
  const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line) ?? []
  const deed = Object.hasOwn(deeds, word) ? deeds[word] : undefined
  const reason = await (deed === undefined ? say(line, to) : deed(rest, to))
  return typeof reason === 'string' ? (reason as acp.StopReason) : undefined
}

const deeds: Record<string, Deed> = {
  say: (text, to) => say(text, to),
  think: (text, to) => update(to, { sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text } }),
  plan: (steps, to) =>
    update(to, {
      sessionUpdate: 'plan',
      entries: steps.split(';').map((step) => ({
        content: step.replace('*', '').trim(),
        priority: 'medium',
        status: step.includes('*') ? 'completed' : 'pending',
      })),
    }),
  cost: (amount, to) =>
    update(to, {
      sessionUpdate: 'usage_update',
      used: 12,
      size: 1000,
      cost: { amount: Number(amount), currency: 'USD' },
    }),
  /** Asks in every mode but `yolo`. */
  run: (command, to) =>
    call(command, { kind: 'execute', rawInput: { command } }, to, () => shell(command, to)),
  /** Says of the call only its title. */
  mystery: (title, to) => call(title, { kind: 'other' }, to, async () => 'done'),
  write: (rest, to) => {
    const [, path = '', text = ''] = /^(\S+)\s?(.*)$/s.exec(rest) ?? []
    const content = [{ type: 'diff' as const, path, newText: text }]
    return call(`Write ${path}`, { kind: 'edit', content }, to, async () => {
      writeFileSync(path, text)
      return 'written'
    })
  },
  /** Puts a form to people, and says what came of it. */
  form: async (schema, to) => {
    const { client, conversation, cut } = to
    const params = {
      mode: 'form',
      sessionId: conversation.id,
      message: 'Please fill in',
      requestedSchema: JSON.parse(schema),
    } as const
    try {
      const answer = await client.request('elicitation/create', params, { cancellationSignal: cut })
      return say(JSON.stringify(answer), to)
    } catch (error) {
      const { code, message } = error as { code?: number; message?: string }
      return say(`refused: ${code} ${message}`, to)
    }
  },
  history: (_rest, to) => say(to.conversation.prompts.slice(0, -1).join(' | '), to),
  mode: (_rest, to) => say(to.conversation.mode, to),
  environment: (name, to) => say(process.env[name] ?? 'unset', to),
  read: (path, to) => say(readFileSync(path, 'utf8'), to),
  ask: async (method, to) => {
    const answered = to.client.request(method, {}).then(
      () => 'answered',
      (error: { code?: number }) => `refused with ${error.code}`,
    )
    await say(await answered, to)
  },
  wait: (_rest, to) => waiting(to),
  hang: () => new Promise(() => {}),
  crash: async () => {
    process.stderr.write('out of luck\n')
    process.exit(7)
  },
  /** A child in a session of its own, which outlives a signal to the process group. */
  escape: async (_rest, to) => {
    spawn('setsid', ['sleep', '600'], { detached: true, stdio: 'ignore' }).unref()
    await say('escaped', to)
  },
  garbage: async () => {
    process.stdout.write('Warning: this is no JSON\n[1, 2]\n{"jsonrpc": "2.0", "id": 99, "result": {}}\n')
  },
  flood: async (count, to) => {
    for (let left = Number(count); left > 0; left--) await say('x'.repeat(1000), to)
  },
  endless: async () => {
    process.stdout.write('x'.repeat(40 * 1024 ** 2))
    await new Promise(() => {})
  },
  refuse: async () => 'refusal',
  fail: async (text) => {
    throw new Error(text)
  },
}

function say(text: string, to: Client): Promise<void> {
  return update(to, { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } })
}

function update({ client, conversation }: Client, what: acp.SessionUpdate): Promise<void> {
  return client.notify('session/update', { sessionId: conversation.id, update: what })
}

async function call(
  title: string,
  more: Partial<acp.ToolCall>,
  to: Client,
  work: () => Promise<string>,
): Promise<void> {
  const { client, conversation } = to
  const toolCallId = randomUUID()
  await update(to, { sessionUpdate: 'tool_call', toolCallId, title, status: 'pending', ...more })
  const end = (status: 'completed' | 'failed', text: string) =>
    update(to, {
      sessionUpdate: 'tool_call_update',
      toolCallId,
      status,
      content: [{ type: 'content', content: { type: 'text', text } }],
    })
  if (conversation.mode !== 'yolo') {
    const options = ['allow_always', 'allow_once', 'reject_once'] as const
    const request: acp.RequestPermissionRequest = {
      sessionId: conversation.id,
      toolCall: { toolCallId, title, ...more },
      options: options.map((kind) => ({ optionId: `option-${kind}`, name: kind, kind })),
    }
    const { outcome } = await client.request('session/request_permission', request)
    if (outcome.outcome === 'cancelled') throw new Cancelled()
    if (outcome.optionId !== 'option-allow_once') return end('failed', `answered with ${outcome.optionId}`)
  }
  await update(to, { sessionUpdate: 'tool_call_update', toolCallId, status: 'in_progress' })
  await end('completed', await work())
}

async function shell(command: string, { cut }: Client): Promise<string> {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text))
  const stop = () => process.kill(-(child.pid ?? 0), 'SIGKILL')
  cut.addEventListener('abort', stop)
  await new Promise((resolve) => child.once('close', resolve))
  cut.removeEventListener('abort', stop)
  if (cut.aborted) throw new Cancelled()
  return output
}

function waiting({ cut }: Client): Promise<never> {
  return new Promise((_, reject) => {
    if (cut.aborted) reject(new Cancelled())
    cut.addEventListener('abort', () => reject(new Cancelled()))
  })
}
