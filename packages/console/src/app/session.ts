/** Who uses this browser, and what they may start. */
import { ClientError, type Connection, call } from '@millrace/client'
import { messageOf, type ProjectsResponse, type ToolsResponse } from '@millrace/protocol'
import { create } from 'zustand'
import { addressOf, serverUrl } from './address.ts'

export interface ServerFacts {
  version: string
  user: string
  admin: boolean
  sandbox: { boundary: string; warnings: string[] }
}

export type Session =
  | { status: 'unknown' }
  | { status: 'out' }
  /** The server did not answer as it should. */
  | { status: 'failed'; message: string }
  | ({ status: 'in'; server: ServerFacts; tools: ToolsResponse['tools'] } & ProjectsResponse)

export const useSession = create<Session>(() => ({ status: 'unknown' }))

/** With the browser's cookie. */
export const connection: Connection = { url: serverUrl }

/** Reads who is signed in, and what there is to start. */
export async function readSession(): Promise<void> {
  try {
    const [server, projects, { tools }] = await Promise.all([
      call<ServerFacts>(connection, { path: '/api/server' }),
      call<ProjectsResponse>(connection, { path: '/api/projects' }),
      call<ToolsResponse>(connection, { path: '/api/tools' }),
    ])
    useSession.setState({ status: 'in', server, tools, ...projects }, true)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    const isOut = error.status === 401
    useSession.setState(isOut ? { status: 'out' } : { status: 'failed', message: error.message }, true)
  }
}

/** The caller is signed in: pages are shown only then. */
export function useSignedIn(): Extract<Session, { status: 'in' }> {
  const session = useSession()
  if (session.status !== 'in') throw new Error('nobody is signed in')
  return session
}

/**
 * Signs this browser in with a token, a code, or a login address, by going to the address that sets the cookie. Fails with words
 * for a person.
 */
export async function signIn(text: string): Promise<void> {
  const code = codeIn(text) ?? (await codeOfToken(text))
  location.assign(`${addressOf('login')}?code=${encodeURIComponent(code)}`)
}

/** The code of a login address, or the code itself. */
function codeIn(text: string): string | null {
  if (text.startsWith('mr_login')) return text
  return /[?&]code=([^&#\s]+)/.exec(text)?.[1] ?? null
}

async function codeOfToken(token: string): Promise<string> {
  const wrong = new Error('This token is not valid here.')
  // Anything else cannot be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(token)) throw wrong
  try {
    const request = { method: 'POST', path: '/api/login-codes' }
    const { url } = await call<{ url: string }>({ ...connection, token, credentials: 'omit' }, request)
    return new URL(url).searchParams.get('code') ?? ''
  } catch (error) {
    if (error instanceof ClientError && error.status === 401) throw wrong
    throw error
  }
}

/** Where the server cannot be reached, the page stays, and says so. */
export async function signOut(): Promise<void> {
  try {
    const { dropPush } = await import('#people/push.ts')
    await dropPush().catch(() => {})
    await call(connection, { method: 'POST', path: '/api/logout' })
  } catch (error) {
    return useSession.setState({ status: 'failed', message: messageOf(error) }, true)
  }
  // Replaced: the way back leads to no page of this user.
  location.replace(addressOf('login'))
}
