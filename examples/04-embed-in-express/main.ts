/** Millrace inside an existing Express application, with that application's users, middleware and signals. */
import type { ExecutionResponse, StreamOutputEvent } from '@millrace/protocol'
import { createMillrace, type Principal, streamService } from '@millrace/server'
import { createSession } from 'better-sse'
import compression from 'compression'
import express from 'express'

/** The users of the application: here, two users and their API keys. */
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

// Millrace below /millrace: POST /millrace/api/execute starts a job, GET /millrace/api/stream/<jobId> follows it.
app.use('/millrace', millrace.express())

// Sends the same events through an SSE session of the application's own.
app.get('/watch/:jobId', async (request, response) => {
  const who = principal(request)
  const { jobId } = request.params
  if (who === null) return void response.sendStatus(401)
  // Fails in the same way for a job that does not exist and for another user's job.
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

// A MillraceError carries the status of the answer, such as 404 for an unknown job.
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

// Millrace traps no signals. Stop it first, which interrupts jobs and ends every stream; then the listener.
process.once('SIGTERM', async () => {
  await millrace.stop()
  server.close()
  server.closeIdleConnections()
})
