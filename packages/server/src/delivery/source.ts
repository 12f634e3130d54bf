/** What delivery needs of the store, and no more. */
import type { LogStore, StoredEvent } from '#store/store'

export type LogSource = Pick<LogStore, 'bounds' | 'readAfter'>

export type { StoredEvent }
