/** Runs a tool on a Millrace server, prints its output as it arrives, and exits with its exit code. */
import { EventSource } from 'eventsource'

const { MILLRACE_URL: server = 'http://127.0.0.1:4000', MILLRACE_TOKEN: token = '' } = process.env
const [project, tool] = process.argv.slice(2)

const withToken: typeof fetch = (url, init = {}) =>
  fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } })

// One call starts the run and returns at once, however long the work takes.
const started = await withToken(`${server}/api/runs`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ kind: 'job', project, tool }),
})
const answer = (await started.json()) as { run: { id: string }; detail?: string }
if (!started.ok) {
  console.error(answer.detail)
  process.exit(2)
}

// The log is an event stream. When the connection breaks, EventSource reconnects with the id of the last
// event it saw, and the server continues after that event.
const log = new EventSource(`${server}/api/runs/${answer.run.id}/events`, { fetch: withToken })

log.addEventListener('output', ({ data }) => {
  const { line, stream } = JSON.parse(data)
  if (stream === 'stderr') console.error(line)
  else console.log(line)
})

log.addEventListener('complete', ({ data }) => {
  log.close()
  process.exitCode = JSON.parse(data).exitCode ?? 1
})

log.addEventListener('error', (event) => {
  if (event instanceof MessageEvent) {
    // An event of the run: it could not start, was aborted, or was interrupted.
    console.error(JSON.parse(event.data).message)
    log.close()
    process.exitCode = 1
  } else if (log.readyState === EventSource.CLOSED) {
    // The server answered with an error. In all other cases EventSource reconnects by itself.
    console.error(`the stream was refused: ${event.message}`)
    process.exitCode = 1
  }
})
