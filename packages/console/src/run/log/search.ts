/** Searches the log of a run on the server, a part at a time, for as long as the text stays the same. */
import type { Client, ClientError } from '@millrace/client'

export interface SearchState {
  /** `seq` of each event that contains the text, in order. */
  readonly matches: readonly number[]
  readonly searchedTo: number
  readonly isSearching: boolean
  /** There are more matches than are kept. */
  readonly isFull: boolean
  readonly error: ClientError | null
}

export const noSearch: SearchState = {
  matches: [],
  searchedTo: 0,
  isSearching: false,
  isFull: false,
  error: null,
}

const matchesMax = 5000
const pageMatches = 1000

/** Continues a search to the end of the log. Reports each step; ends when the signal aborts. */
export async function search(
  client: Pick<Client, 'events'>,
  runId: string,
  text: string,
  before: SearchState,
  { signal, report }: { signal: AbortSignal; report: (state: SearchState) => void },
): Promise<void> {
  let state: SearchState = { ...before, isSearching: true, error: null }
  report(state)
  try {
    for (;;) {
      const query = { q: text, after: state.searchedTo, limit: pageMatches }
      const page = await client.events(runId, query, { signal })
      const matches = [...state.matches, ...page.events.map(({ seq }) => seq)].slice(0, matchesMax)
      const searchedTo = page.searchedTo ?? page.head
      const isFull = matches.length === matchesMax
      const isSearching = searchedTo < page.head && !isFull
      state = { ...state, matches, searchedTo, isFull, isSearching }
      if (signal.aborted) return
      report(state)
      if (!isSearching) return
    }
  } catch (error) {
    if (!signal.aborted) report({ ...state, isSearching: false, error: error as ClientError })
  }
}
