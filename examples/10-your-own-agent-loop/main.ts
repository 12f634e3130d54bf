/** An application with an agent loop of its own. Millrace keeps what the agent did, and streams it. */
import { randomUUID } from 'node:crypto'
import { AgentSSEEmitter, createMillrace } from '@millrace/server'
import express from 'express'
import { work } from './agent.ts'

/** Whatever the application knows of its users; here, two of them and their API keys. */
const users = new Map([
  ['key-of-anna', 'anna'],
  ['key-of-bert', 'bert'],
])
const userOf = (request: { headers: { authorization?: string | undefined } }): string | null =>
  users.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '') ?? null

const millrace = createMillrace({ projects: { here: { path: import.meta.dirname } } }, { principal: userOf })
await millrace.start()

const app = express()

// Starts an execution and answers at once: the agent works in this process.
app.post('/count', express.json(), async (request, response) => {
  const user = userOf(request)
  if (user === null) return void response.sendStatus(401)
  const folder = String(request.body?.folder ?? import.meta.dirname)
  const executionId = randomUUID()
  const emitter = new AgentSSEEmitter(user, executionId)
  await emitter.executionStarted({ task: `Count the words in ${folder}` })
  void work(emitter, folder)
  response.status(201).json({ executionId })
})

// GET /api/agent/stream/<executionId>, POST /api/agent/execute/<executionId>/cancel, GET /api/runs, and the rest.
app.use(millrace.express())

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})

// Millrace traps no signals. An execution under way stays open, and is interrupted when nothing more is heard of it.
let isStopping = false
async function stop(): Promise<void> {
  // A Ctrl-C arrives twice through npx.
  if (isStopping) return
  isStopping = true
  await millrace.stop()
  server.close()
  server.closeIdleConnections()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
