/** Which server the hooks below a component talk to. */
import { type Client, createClient } from '@millrace/client'
import {
  createContext,
  createElement,
  type FunctionComponent,
  type ReactNode,
  useContext,
  useInsertionEffect,
} from 'react'
import type { SourceSettings } from '#sources/run-source'
import { type RunSources, sourcesOf } from '#sources/run-sources'

export interface MillraceProviderProps {
  /** Default: the server that the page comes from, with the browser's cookie. */
  client?: Client
  /** When what arrives is shown. Default: at the next frame. */
  schedule?: SourceSettings['schedule']
  /** How much a view holds. */
  bounds?: SourceSettings['bounds']
  /** How hard it tries to reconnect. */
  follow?: SourceSettings['follow']
  children?: ReactNode
}

const Context = createContext<RunSources | null>(null)

/** Providers that are mounted, the outermost and oldest first. */
const mounted: RunSources[] = []
let ownServer: Client | undefined

function ownSources(settings?: Partial<SourceSettings>): RunSources {
  // The address is asked for at each request: a server that renders the page has none.
  ownServer ??= createClient({ url: () => globalThis.location.origin })
  return sourcesOf(ownServer, settings)
}

/** What code outside of components talks to: the server of the page's first provider. */
export function pageSources(): RunSources {
  return mounted[0] ?? ownSources()
}

/** `schedule`, `bounds` and `follow` count when a client is used for the first time, and stay for as long as it lives. */
export const MillraceProvider: FunctionComponent<MillraceProviderProps> = ({
  client,
  children,
  ...settings
}) => {
  const given = defined(settings)
  const sources = client === undefined ? ownSources(given) : sourcesOf(client, given)
  // Earlier than the effects of the components below, which may subscribe through the store.
  useInsertionEffect(() => {
    mounted.push(sources)
    return () => void mounted.splice(mounted.indexOf(sources), 1)
  }, [sources])
  return createElement(Context.Provider, { value: sources }, children)
}

export function useSources(): RunSources {
  return useContext(Context) ?? ownSources()
}

/** The client of the provider above. */
export function useClient(): Client {
  return useSources().client
}

function defined<T extends object>(settings: T): Partial<T> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>
}
