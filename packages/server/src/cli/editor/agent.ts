/** Millrace as an agent of the Agent Client Protocol: what an editor asks, and which session it is about. */
import { randomUUID } from 'node:crypto'
import type {
  AgentApp,
  AgentContext,
  ContentBlock,
  ListSessionsRequest,
  ListSessionsResponse,
} from '@agentclientprotocol/sdk'
import { type Client, ClientError } from '@millrace/client'
import { messageOf, type Run, type StartSessionBody } from '@millrace/protocol'
import type { Bindings } from './bindings.ts'
import { EditorSession } from './session.ts'

export interface EditorAgentParts {
  acp: typeof import('@agentclientprotocol/sdk')
  client: Client
  bindings: Bindings
  /** What every session of this editor is started with. */
  start: Pick<StartSessionBody, 'project' | 'agent' | 'model'>
  say(runId: string, text: string): Promise<string>
  version: string
}

export interface EditorAgent {
  app: AgentApp
  close(): void
}

export function editorAgent({ acp, client, bindings, start, say, version }: EditorAgentParts): EditorAgent {
  const sessions = new Map<string, EditorSession>()
  /** The editor can show forms. */
  let forms = false

  function open(id: string, cwd: string, editor: AgentContext): EditorSession {
    sessions.get(id)?.close()
    const session = new EditorSession({
      id,
      client,
      say,
      editor,
      forms,
      start: (prompt) => startIn(client, { kind: 'session', ...start, prompt, cwd, ...manner(forms) }),
      moved: (runId) => bindings.bind(id, runId),
    })
    sessions.set(id, session)
    return session
  }
  const known = (id: string): EditorSession => {
    const session = sessions.get(id)
    if (session === undefined) throw acp.RequestError.sessionNotFound(id)
    return session
  }
  const told = inItsWords(acp)

  const app = acp
    .agent({ name: 'millrace' })
    .onRequest('initialize', ({ params }) => {
      forms = params.clientCapabilities?.elicitation?.form != null
      return { ...abilities, protocolVersion: acp.PROTOCOL_VERSION, agentInfo: { ...name, version } }
    })
    .onRequest('session/new', ({ params, client: editor }) => {
      const sessionId = randomUUID()
      open(sessionId, params.cwd, editor)
      return { sessionId }
    })
    .onRequest('session/load', async ({ params: { sessionId, cwd }, client: editor }) => {
      await told(open(sessionId, cwd, editor).load(bindings.runOf(sessionId)))
      return {}
    })
    .onRequest('session/resume', async ({ params: { sessionId, cwd }, client: editor }) => {
      await told(open(sessionId, cwd, editor).attach(bindings.runOf(sessionId)))
      return {}
    })
    .onRequest('session/list', ({ params }) => told(listed(client, start.project, params)))
    .onRequest('session/prompt', async ({ params: { sessionId, prompt } }) => {
      const text = prompt
        .map(textOf)
        .filter((part) => part !== '')
        .join('\n\n')
      return { stopReason: await told(known(sessionId).prompt(text)) }
    })
    .onNotification('session/cancel', async ({ params }) => {
      // A failure is seen by the prompt, which then goes on.
      await sessions
        .get(params.sessionId)
        ?.cancel()
        .catch(() => {})
    })
  return {
    app,
    close: () => {
      for (const session of sessions.values()) session.close()
    },
  }
}

const name = { name: 'millrace', title: 'Millrace' }
const abilities = {
  agentCapabilities: { loadSession: true, sessionCapabilities: { resume: {}, list: {} } },
}

/** An agent asks only where somebody can answer. */
function manner(forms: boolean): Pick<StartSessionBody, 'interactive' | 'questions'> {
  return { interactive: true, ...(forms ? { questions: 'on' } : {}) }
}

/** What went wrong on the server, as it says it. */
function inItsWords({ RequestError }: EditorAgentParts['acp']): <T>(work: Promise<T>) => Promise<T> {
  return async (work) => {
    try {
      return await work
    } catch (error) {
      if (error instanceof RequestError) throw error
      throw RequestError.internalError({ details: messageOf(error) }, messageOf(error))
    }
  }
}

/** Sessions that were started elsewhere, too: each is known by the id of its run. */
async function listed(
  client: Client,
  project: string,
  { cursor, cwd }: ListSessionsRequest,
): Promise<ListSessionsResponse> {
  const { runs, nextCursor } = await client.list({ kind: 'session', project, cursor: cursor ?? undefined })
  const sessions = runs.map((run) => ({
    sessionId: run.id,
    cwd: cwd ?? '/',
    title: titleOf(run),
    updatedAt: new Date(run.finishedAt ?? run.createdAt).toISOString(),
  }))
  return { sessions, nextCursor }
}

/** The editor's directory means something only on the server's machine, and in the project. */
async function startIn(client: Client, body: StartSessionBody): Promise<Run> {
  try {
    return await client.start(body)
  } catch (error) {
    const fields = error instanceof ClientError ? error.fields : []
    if (fields.length === 0 || fields.some(({ path }) => path !== 'cwd')) throw error
    const { cwd: _elsewhere, ...rest } = body
    return client.start(rest)
  }
}

function titleOf({ spec }: Run): string {
  const { prompt } = spec as { prompt?: unknown }
  return (
    String(prompt ?? '')
      .split('\n')[0]
      ?.slice(0, 100) ?? ''
  )
}

/** Files that the user mentions are named: the agent reads them itself. */
function textOf(block: ContentBlock): string {
  switch (block.type) {
    case 'text':
      return block.text
    case 'resource_link':
      return block.uri
    case 'resource':
      return 'text' in block.resource ? `${block.resource.uri}\n${block.resource.text}` : block.resource.uri
    default:
      return `(${block.type}: not supported)`
  }
}
