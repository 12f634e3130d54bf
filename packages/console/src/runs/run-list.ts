/**
 * One live list: pages of the server, and the changes that arrive meanwhile.
 *
 * Owns what was read of the list. Invariant: what it shows is gapless from its newest to its oldest run: a changed run that is
 * older than the last one read waits for its page.
 */
import { type Client, ClientError } from '@millrace/client'
import type { Run } from '@millrace/protocol'
import type { RunChange } from '#live/changes.ts'
import { recordChanges } from '#live/live-store.ts'
import { matches, queryOf, type RunFilter } from './filter.ts'
import { newestFirst, noRuns, type RunSet, withChange, withRuns } from './run-set.ts'

export interface ListState {
  /** Newest first. */
  runs: readonly Run[]
  hasMore: boolean
  /** Nothing has arrived yet. */
  isLoading: boolean
  isLoadingMore: boolean
  error: ClientError | null
}

const pageRuns = 100

const empty: ListState = { runs: [], hasMore: false, isLoading: true, isLoadingMore: false, error: null }

export class RunList {
  readonly #client: Pick<Client, 'list'>
  readonly #filter: RunFilter
  readonly #notify = new Set<() => void>()
  #set: RunSet = noRuns
  #cursor: string | null = null
  #state = empty
  #reading: AbortController | null = null
  #isDue = false

  constructor(client: Pick<Client, 'list'>, filter: RunFilter) {
    this.#client = client
    this.#filter = filter
  }

  get state(): ListState {
    return this.#state
  }

  subscribe(notify: () => void): () => void {
    this.#notify.add(notify)
    return () => void this.#notify.delete(notify)
  }

  /** Reads the newest page; what is known beyond it stays where nothing can be missing between. */
  async load(): Promise<void> {
    this.#reading?.abort()
    const reading = new AbortController()
    this.#reading = reading
    const recording = recordChanges()
    try {
      const { signal } = reading
      const page = await this.#client.list({ ...queryOf(this.#filter), limit: pageRuns }, { signal })
      if (signal.aborted) return
      // Runs may have come and gone unseen: begin with this page.
      this.#set = withRuns(noRuns, page.runs)
      this.#cursor = page.nextCursor
      this.#show({ isLoading: false, isLoadingMore: false, error: null })
      for (const change of recording.changes) this.apply(change)
    } catch (error) {
      if (!reading.signal.aborted) this.#fail(error)
    } finally {
      recording.stop()
    }
  }

  async loadMore(): Promise<void> {
    const cursor = this.#cursor
    if (cursor === null || this.#state.isLoadingMore) return
    this.#show({ isLoadingMore: true })
    try {
      const page = await this.#client.list({ ...queryOf(this.#filter), limit: pageRuns, cursor })
      // The list began anew meanwhile.
      if (cursor !== this.#cursor) return
      this.#set = withRuns(this.#set, page.runs)
      this.#cursor = page.nextCursor
      this.#show({ isLoadingMore: false, error: null })
    } catch (error) {
      this.#fail(error)
    }
  }

  apply(change: RunChange): void {
    const { run } = change
    const isKnown = this.#set.has(run.id)
    if (!isKnown && (!matches(run, this.#filter) || this.#isBeyond(run))) return
    this.#set = withChange(this.#set, change)
    this.#showSoon()
  }

  close(): void {
    this.#reading?.abort()
  }

  #isBeyond(run: Run): boolean {
    const oldest = this.#state.runs.at(-1)
    return this.#cursor !== null && oldest !== undefined && run.createdAt < oldest.createdAt
  }

  #fail(error: unknown): void {
    if (!(error instanceof ClientError)) throw error
    this.#show({ isLoading: false, isLoadingMore: false, error })
  }

  /** Once a frame, however many changes arrive. Hidden tabs have no frames. */
  #showSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    setTimeout(() => {
      this.#isDue = false
      this.#show({})
    }, 50)
  }

  #show(changed: Partial<ListState>): void {
    const shown = [...this.#set.values()].filter((run) => matches(run, this.#filter))
    this.#state = {
      ...this.#state,
      runs: newestFirst(shown),
      hasMore: this.#cursor !== null,
      ...changed,
    }
    for (const notify of this.#notify) notify()
  }
}
