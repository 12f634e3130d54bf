/** Where the hooks below find the server, and what they share. */
import { type Client, type Connection, createClient } from '@millrace/client'
import { createContext, createElement, type ReactNode, useContext, useState } from 'react'
import { type AgentStore, createAgentStore } from './agent-store.ts'
import { onNextFrame, type Scheduler } from './scheduler.ts'
import { Sources } from './sources.ts'

export interface Millrace {
  client: Client
  sources: Sources
  store: AgentStore
}

export type MillraceProviderProps = {
  children?: ReactNode
  /** When what arrived is shown. Default: with the next frame. */
  schedule?: Scheduler
} & (
  | { client: Client }
  /** As of `createClient`. A page that the server itself serves needs no token: its cookie is sent. */
  | (Pick<Connection, 'url'> & Partial<Connection> & { client?: undefined })
)

const Context = createContext<Millrace | null>(null)

/** Connects the hooks below to a server. Its properties are read once: give it another `key` for another server. */
export function MillraceProvider({ children, schedule = onNextFrame, ...rest }: MillraceProviderProps) {
  const [millrace] = useState(() => createMillrace(rest.client ?? createClient(rest as Connection), schedule))
  return createElement(Context.Provider, { value: millrace }, children)
}

function createMillrace(client: Client, schedule: Scheduler): Millrace {
  const sources = new Sources(client, schedule)
  return { client, sources, store: createAgentStore(sources) }
}

let ofThisPage: Millrace | undefined

/** Without a provider: the server that the page came from. */
export function useMillrace(): Millrace {
  const provided = useContext(Context)
  if (provided !== null) return provided
  ofThisPage ??= createMillrace(createClient({ url: originOfPage }), onNextFrame)
  return ofThisPage
}

function originOfPage(): string {
  const { location } = globalThis as { location?: { origin: string } }
  if (location === undefined) throw new Error('Outside a page, name the server: <MillraceProvider url="…">')
  return location.origin
}
