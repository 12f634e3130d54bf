/**
 * Starts a tool and prints its output, with `@millrace/client`. Kill the server while the tool runs and start it
 * again: the output continues where it stopped.
 *
 * Usage: MILLRACE_TOKEN=… node main.ts PROJECT TOOL
 */
import { createClient } from '@millrace/client'

const [project = '', tool = ''] = process.argv.slice(2)
const client = createClient({
  url: process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000',
  token: process.env.MILLRACE_TOKEN,
})

const run = await client.start({ kind: 'job', project, tool })
console.log(`run ${run.id}`)

const events = client.follow(run.id, {
  kind: 'job',
  attempts: 20,
  onStatus: (status, error) => console.log(`-- ${status}${error ? `: ${error.message}` : ''}`),
})
for await (const event of events) {
  switch (event.type) {
    case 'output':
      console.log(`${event.seq}  ${event.data.line}`)
      break
    case 'complete':
      console.log(`${event.seq}  exit code ${event.data.exitCode}`)
      break
    case 'error':
      console.log(`${event.seq}  ${event.data.message}`)
      break
  }
}
