/** Opens the data directory: its lock, and the store on it. */
import { MillraceError, messageOf } from '@millrace/protocol'
import type { Logger } from 'pino'
import { openSqliteStore } from '#store/sqlite/store'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import type { Metrics } from '#telemetry/metrics'
import { type ObservedStore, observeStore } from '#telemetry/observed-store'
import { writeObserver } from '#telemetry/observer'
import { logStoreStatus } from '#telemetry/run-log'
import type { Releases } from './releases.ts'

export async function holdDataDir(dataDir: string, releases: Releases): Promise<void> {
  const lock = await coded(async () => acquireDataDirLock(dataDir))
  releases.push(() => lock.release())
}

export interface StorageParts {
  dataDir: string
  metrics: Metrics
  log: Logger
  onFatal?: ((error: Error) => void) | undefined
}

export async function openStorage(
  { dataDir, metrics, log, onFatal }: StorageParts,
  releases: Releases,
): Promise<ObservedStore> {
  const sqlite = await coded(() =>
    openSqliteStore({
      dataDir,
      onBatch: (batch) => metrics.store.batch(batch),
      ...(onFatal === undefined ? {} : { onFatal }),
    }),
  )
  releases.push(() => sqlite.close())
  const store = observeStore(sqlite, writeObserver(metrics, log))
  releases.push(store.onStatus(logStoreStatus(log)))
  return store
}

/** Gives a failure to open the storage its code; the operating system's own means nothing to a caller. */
async function coded<Opened>(open: () => Promise<Opened>): Promise<Opened> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('storage_failed', messageOf(error), { cause: error })
  }
}
