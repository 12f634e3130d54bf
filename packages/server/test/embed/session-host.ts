/** Sessions of a server with a scripted agent, as a program that embeds a Millrace has them. */
import type { SessionEndEvent } from '@millrace/protocol'
import { type AgentSession, AgentSessionManager } from '#index'
import { openSessionServer, type SessionServerOptions } from '#test/faces/support/session-server'

export async function open(options: SessionServerOptions = {}) {
  const server = await openSessionServer(options)
  return { server, manager: new AgentSessionManager({ runs: server.embedded }) }
}

export async function sessionIn(manager: AgentSessionManager, projectId = 'web'): Promise<AgentSession> {
  return found(await manager.getSession(await manager.createSession(projectId, 'Go')))
}

export function found(session: AgentSession | null): AgentSession {
  if (session === null) throw new Error('there is no such session')
  return session
}

export const over = ({ emitter }: AgentSession) =>
  new Promise<SessionEndEvent>((resolve) => void emitter.once('end', resolve))
