/** Small files of a data directory whose store is a database elsewhere. */
import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '#config/config'
import { shownAddress } from '#config/store-settings'

const storeNote = 'store-elsewhere'

/** Notes where the store is; the data directory is held by this process. */
export function noteStore(dataDir: string, store: Config['store']): void {
  const path = join(dataDir, storeNote)
  if (store === undefined) rmSync(path, { force: true })
  else writeFileSync(path, `${shownAddress(store.url)}\n`, { mode: 0o600 })
}

/**
 * Where the store of the last server on this data directory is; null: here. Commands that open the data directory must not
 * take it for the server's store.
 */
export function storeElsewhere(dataDir: string): string | null {
  try {
    return readFileSync(join(dataDir, storeNote), 'utf8').trim()
  } catch {
    return null
  }
}

/** Returns the name by which a database knows this data directory; the first call makes it. */
export function homeOf(dataDir: string): string {
  const path = join(dataDir, 'home')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    const home = randomUUID()
    writeFileSync(path, `${home}\n`, { mode: 0o600 })
    return home
  }
}
