/** Opens the data directory: its lock, and the store on it. */
import { MillraceError, messageOf } from '@millrace/protocol'
import type { Logger } from 'pino'
import type { Config } from '#config/config'
import type { BatchedStoreOptions } from '#store/batched/open-batched-store'
import { openSqliteStore } from '#store/sqlite/store'
import { acquireDataDirLock } from '#store/sqlite/upkeep/lock'
import type { Store } from '#store/store'
import type { Metrics } from '#telemetry/metrics'
import { type ObservedStore, observeStore } from '#telemetry/observed-store'
import { writeObserver } from '#telemetry/observer'
import { logStoreStatus } from '#telemetry/run-log'
import { homeOf, noteStore } from './data-dir-notes.ts'
import type { Releases } from './releases.ts'

export async function holdDataDir(dataDir: string, releases: Releases): Promise<void> {
  const lock = await coded(async () => acquireDataDirLock(dataDir))
  releases.push(() => lock.release())
}

export interface StorageParts {
  config: Pick<Config, 'dataDir' | 'store'>
  /** Names this process among those that share a store. */
  node: string
  metrics: Metrics
  log: Logger
  onFatal?: ((error: Error) => void) | undefined
}

export async function openStorage(
  { config, node, metrics, log, onFatal }: StorageParts,
  releases: Releases,
): Promise<ObservedStore> {
  const options: BatchedStoreOptions = { onBatch: (batch) => metrics.store.batch(batch), onFatal }
  const opened = await coded(() => openBackend(config, node, options))
  releases.push(() => opened.close())
  const store = observeStore(opened, writeObserver(metrics, log))
  releases.push(store.onStatus(logStoreStatus(log)))
  return store
}

async function openBackend(
  { dataDir, store }: Pick<Config, 'dataDir' | 'store'>,
  node: string,
  options: BatchedStoreOptions,
): Promise<Store> {
  noteStore(dataDir, store)
  if (store === undefined) return openSqliteStore({ dataDir, ...options })
  const { url, password, leaseSeconds, redisUrl, synchronousStandby } = store
  // Its driver is loaded only where it is used.
  const [{ settingsOf }, { openPostgresStore }] = await Promise.all([
    import('#store/postgres/settings'),
    import('#store/postgres/store'),
  ])
  const settings = settingsOf({ url, password })
  const home = homeOf(dataDir)
  const shared = { node, home, leaseMs: leaseSeconds * 1000, redisUrl, synchronousStandby }
  return openPostgresStore({ settings, ...shared, ...options })
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
