/** What delivery needs of the store, and no more. */
import type { Store, StoredEvent } from '#store/store'

export type LogSource = Pick<Store, 'bounds' | 'readAfter'>

export type { StoredEvent }
