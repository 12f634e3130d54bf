/** Gives an agent a task on a Millrace server and prints what it says while it says it. */
import { EventSource } from 'eventsource'

const { MILLRACE_URL: server = 'http://127.0.0.1:4000', MILLRACE_TOKEN: token = '' } = process.env
const [project, prompt] = process.argv.slice(2)

const withToken: typeof fetch = (url, init = {}) =>
  fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } })

// One call starts the session and answers at once, however long the agent will work.
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

// Its log has every message of the agent SDK under its own type. When the connection breaks, EventSource
// comes back with the id of the last event it saw, and the server goes on after it.
const log = new EventSource(`${server}/api/runs/${answer.run.id}/events`, { fetch: withToken })

// The agent's text while it is written.
log.addEventListener('stream_event', ({ data }) => {
  const { event } = JSON.parse(data)
  if (event.delta?.type === 'text_delta') process.stdout.write(event.delta.text)
})

// Each part of an answer once it is whole: after a text a line ends, a call of a tool is told.
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

// The last event has the final state as its type; after it the server ends the stream.
for (const state of ['completed', 'errored', 'aborted', 'interrupted']) {
  log.addEventListener(state, ({ data }) => {
    log.close()
    const { error = state } = JSON.parse(data)
    if (state !== 'completed') console.error(error)
    process.exitCode = state === 'completed' ? 0 : 1
  })
}

log.addEventListener('error', (event) => {
  // Anything less than a refusal, and EventSource tries again by itself.
  if (log.readyState !== EventSource.CLOSED) return
  console.error(`the stream was refused: ${event.message}`)
  process.exitCode = 1
})
