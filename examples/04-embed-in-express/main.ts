/** Millrace inside somebody's Express application: its users, its middleware, its signals. */
import type { ExecutionResponse, StreamOutputEvent } from '@millrace/protocol'
import { createMillrace, type Principal, streamService } from '@millrace/server'
import { createSession } from 'better-sse'
import compression from 'compression'
import express from 'express'

/** Whatever the application knows of its users; here, two of them and their API keys. */
const users = new Map([
  ['key-of-anna', 'anna'],
  ['key-of-bert', 'bert'],
])
function principal(request: { headers: { authorization?: string } }): Principal | null {
  const user = users.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '')
  return user === undefined ? null : { user, admin: false }
}

const millrace = createMillrace(
  {
    projects: { demo: { path: import.meta.dirname } },
    tools: { count: { command: ['sh', '-c', 'for n in 1 2 3; do echo "line $n"; sleep 0.3; done'] } },
  },
  { principal },
)
await millrace.start()

const app = express()
app.use(compression(), express.json())

// All of Millrace below /millrace: POST /millrace/api/execute starts a job, GET /millrace/api/stream/<jobId> follows it.
app.use('/millrace', millrace.express())

// The same events through an SSE session of the application's own.
app.get('/watch/:jobId', async (request, response) => {
  const who = principal(request)
  const { jobId } = request.params
  if (who === null) return void response.sendStatus(401)
  // Fails for a job that does not exist, and in the same way for another user's.
  await millrace.runs.get(jobId, who)
  const session = await createSession(request, response)
  const left = new AbortController()
  session.once('disconnected', () => left.abort())
  streamService.registerSession(jobId, session)
  for await (const event of millrace.runs.follow(jobId, { principal: who, signal: left.signal })) {
    if (event.type === 'output') {
      const { line, stream } = event.data as unknown as StreamOutputEvent
      streamService.sendOutput(jobId, line, stream)
    } else if (event.type === 'complete') {
      streamService.sendComplete(jobId, event.data as unknown as ExecutionResponse)
    } else if (event.type === 'error') {
      streamService.sendError(jobId, (event.data as { message: string }).message)
    }
  }
  streamService.unregisterSession(jobId, session)
  response.end()
})

// A MillraceError has the status of its answer: 404 for a job that is not there.
app.use(
  (
    error: Error & { status?: number },
    _request: express.Request,
    response: express.Response,
    _next: unknown,
  ) => {
    response.status(error.status ?? 500).json({ error: error.message })
  },
)

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})

// Millrace traps no signals. First it: jobs are interrupted and every stream ends. Then the listener.
process.once('SIGTERM', async () => {
  await millrace.stop()
  server.close()
  server.closeIdleConnections()
})
