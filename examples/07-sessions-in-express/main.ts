/** Agent sessions inside an existing Express application, with its compression, login and users. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoProject, demoScript, loadScript, startScriptedModel } from '@millrace/scripted-model'
import { agentSessionManager, agentSessionRouter, createMillrace } from '@millrace/server'
import compression from 'compression'
import express from 'express'

// With a key, the real model answers. Without one, a script answers that repairs the sample project.
const model = process.env.ANTHROPIC_API_KEY
  ? null
  : await startScriptedModel({ script: loadScript(demoScript) })
if (model !== null) {
  process.env.ANTHROPIC_API_KEY = 'a-script-asks-for-none'
  process.env.ANTHROPIC_BASE_URL = model.url
}

// The agent works on a copy of the sample project, unless you name another directory.
const named = process.env.PROJECT
const path = named || mkdtempSync(join(tmpdir(), 'millrace-example-'))
if (!named) cpSync(demoProject, path, { recursive: true })

/** The users of the application: here, two users and their API keys. */
const users = new Map([
  ['key-of-anna', 'anna'],
  ['key-of-bert', 'bert'],
])
const requireAuth: express.RequestHandler = (request, response, next) => {
  const user = users.get(request.get('authorization')?.replace(/^Bearer /, '') ?? '')
  if (user === undefined) return void response.status(401).json({ success: false, error: 'Log in first' })
  Object.assign(request, { user })
  next()
}
const userOf = (request: object) => (request as { user?: string }).user ?? null

const millrace = createMillrace({ projects: { web: { path } } }, { principal: userOf })
await millrace.start()

const app = express()
app.use(compression())

// POST /api/agent/test, GET /api/agent/test/stream/<sessionId>, POST /api/agent/test/abort/<sessionId>
app.use(agentSessionRouter(millrace, { requireAuth }))

// A route of the application itself: the texts of the agent's answers, as they arrive.
app.get('/said/:sessionId', requireAuth, async (request, response) => {
  const session = await agentSessionManager.getSession(request.params.sessionId as string)
  if (session === null || session.run.owner !== userOf(request)) return void response.sendStatus(404)
  response.type('text/plain')
  session.emitter.on('assistant', ({ message }) => {
    for (const block of message.content) if (block.type === 'text') response.write(`${block.text}\n`)
    response.flush()
  })
  session.emitter.on('end', ({ state }) => response.end(`(${state})\n`))
  response.on('close', () => session.emitter.removeAllListeners())
})

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})

// Millrace traps no signals. End the sessions first, with a reason; then stop Millrace, then the listener.
let isStopping = false
async function stop(): Promise<void> {
  // Through npx, a Ctrl-C arrives twice.
  if (isStopping) return
  isStopping = true
  await agentSessionManager.shutdownAll('The application is being updated')
  await millrace.stop()
  await model?.close()
  if (!named) rmSync(path, { recursive: true })
  server.close()
  server.closeIdleConnections()
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
