/** Gives an agent a task, and answers its approvals by a rule instead of asking a person. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PermissionRequestedEvent } from '@millrace/protocol'
import { EventSourceParserStream } from 'eventsource-parser/stream'

const { MILLRACE_URL: server = 'http://127.0.0.1:4000', MILLRACE_TOKEN: token = '' } = process.env
const [project, prompt] = process.argv.slice(2)

function call(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

/** Allows npm with plain words and variables, and nothing appended to it. */
function isAllowed({ tool, input }: PermissionRequestedEvent): boolean {
  const command = tool === 'Bash' ? (input as { command?: unknown }).command : undefined
  return typeof command === 'string' && /^npm( [\w@:./=${}"-]+)+$/.test(command)
}

async function answer(question: PermissionRequestedEvent): Promise<void> {
  const body = isAllowed(question)
    ? { decision: 'allow' }
    : { decision: 'deny', message: 'Only npm commands may run here without a person. Say what you need.' }
  const response = await call(`/api/runs/${id}/approvals/${question.approvalId}`, body)
  // 409: somebody else was faster, or this program answered before it reconnected.
  if (!response.ok && response.status !== 409) throw new Error(`not answered: ${response.status}`)
  const given = response.ok ? body.decision : 'already answered'
  console.log(`${given}: ${question.tool} ${JSON.stringify(question.input)}`)
}

const started = await call('/api/runs', { kind: 'session', project, prompt, approvals: 'on' })
const { run, detail } = (await started.json()) as { run?: { id: string }; detail?: string }
if (run === undefined) {
  console.error(detail)
  process.exit(2)
}
const { id } = run

/** The server sends only these types, and always the last event, whose type is the final state. */
const types = 'permission:requested'
const finalStates = ['completed', 'errored', 'aborted', 'interrupted']

/** Reads the log until it ends or the connection breaks. Remembers the id of the last event. */
let lastId = ''
async function follow(): Promise<string | undefined> {
  const response = await call(`/api/runs/${id}/events?types=${types}`, undefined, { 'Last-Event-ID': lastId })
  if (!response.ok || response.body === null) throw new Error(`the log was refused: ${response.status}`)
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { id: seq, event = '', data } of events) {
    lastId = seq ?? lastId
    if (event === 'permission:requested') await answer(JSON.parse(data))
    if (finalStates.includes(event)) return event
  }
  return undefined
}

// A broken connection loses nothing: the log continues after the last id.
let state: string | undefined
while (state === undefined) {
  state = await follow().catch((error: unknown) => {
    console.error(String(error))
    return undefined
  })
  if (state === undefined) await sleep(1000)
}
console.log(state)
process.exitCode = state === 'completed' ? 0 : 1
