/** Gives an agent a task on a Millrace server and prints its text while it is being written. */
import { EventSource } from 'eventsource'

const { MILLRACE_URL: server = 'http://127.0.0.1:4000', MILLRACE_TOKEN: token = '' } = process.env
const [project, prompt] = process.argv.slice(2)

const withToken: typeof fetch = (url, init = {}) =>
  fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } })

// One call starts the session and returns at once, however long the agent works.
const started = await withToken(`${server}/api/runs`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ kind: 'session', project, prompt }),
})
const answer = (await started.json()) as { run: { id: string }; detail?: string }
if (!started.ok) {
  console.error(answer.detail)
  process.exit(2)
}

// The log contains every message of the agent SDK under its own type. When the connection breaks, EventSource
// reconnects with the id of the last event it saw, and the server continues after that event.
const log = new EventSource(`${server}/api/runs/${answer.run.id}/events`, { fetch: withToken })

// The agent's text, while it is being written.
log.addEventListener('stream_event', ({ data }) => {
  const { event } = JSON.parse(data)
  if (event.delta?.type === 'text_delta') process.stdout.write(event.delta.text)
})

// Each complete part of an answer: a newline ends a text, and a tool call is printed.
log.addEventListener('assistant', ({ data }) => {
  for (const part of JSON.parse(data).message.content) {
    if (part.type === 'text') process.stdout.write('\n')
    if (part.type === 'tool_use') console.error(`[${part.name} ${JSON.stringify(part.input)}]`)
  }
})

log.addEventListener('result', ({ data }) => {
  const { num_turns: turns, total_cost_usd: cost } = JSON.parse(data)
  console.error(`[${turns} turns, $${cost.toFixed(2)}]`)
})

// The type of the last event is the final state. The server ends the stream after it.
for (const state of ['completed', 'errored', 'aborted', 'interrupted']) {
  log.addEventListener(state, ({ data }) => {
    log.close()
    const { error = state } = JSON.parse(data)
    if (state !== 'completed') console.error(error)
    process.exitCode = state === 'completed' ? 0 : 1
  })
}

log.addEventListener('error', (event) => {
  // EventSource reconnects by itself, unless the server refused the stream.
  if (log.readyState !== EventSource.CLOSED) return
  console.error(`the stream was refused: ${event.message}`)
  process.exitCode = 1
})
