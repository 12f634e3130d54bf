/** How much is stored, whose it is, how long it is kept, and how much room is left. */
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { RoomStore } from '#store/store'

export interface StorageReport {
  /** Files of the store in the data directory; null where the store is elsewhere. */
  storeBytes: number | null
  /** Of the file system of the data directory. */
  freeBytes: number
  /** As configured. */
  retention: { days: number; events: number | null }
  /** What the runs of one owner may take. */
  ownerBytesMax: number
  /** Those whose runs take most, most first. */
  owners: { owner: string; bytes: number }[]
}

export interface ReportParts {
  store: Pick<RoomStore, 'largestOwners'>
  dataDir: string
  /** The store is in the data directory. */
  isEmbedded: boolean
  rule: { days: number; events?: number | undefined }
  ownerBytesMax: number
}

const ownersMost = 20

export async function storageReport(parts: ReportParts): Promise<StorageReport> {
  const { store, dataDir, isEmbedded, rule, ownerBytesMax } = parts
  const [owners, { bavail, bsize }, storeBytes] = await Promise.all([
    store.largestOwners(ownersMost),
    statfs(dataDir),
    isEmbedded ? bytesOfFiles(dataDir) : null,
  ])
  const retention = { days: rule.days, events: rule.events ?? null }
  return { storeBytes, freeBytes: bavail * bsize, retention, ownerBytesMax, owners }
}

/** The store's files lie in the folder itself; what runs keep lies in folders of it. */
async function bytesOfFiles(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder, { withFileTypes: true })).map(async (entry) =>
      // One may be gone by now.
      entry.isFile()
        ? await stat(join(folder, entry.name)).then(
            ({ size }) => size,
            () => 0,
          )
        : 0,
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
