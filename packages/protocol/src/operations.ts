/** What a server shows its admins. */

/** `GET /api/admin/checks`: what `millrace doctor` says on the server's machine. */
export interface ChecksResponse {
  checks: { name: string; status: 'ok' | 'info' | 'warn' | 'fail'; detail: string }[]
}

/** `GET /api/admin/storage`. */
export interface StorageResponse {
  /** Files of the store in the data directory; null where the store is elsewhere. */
  storeBytes: number | null
  /** Of the file system of the data directory. */
  freeBytes: number
  /** As configured; `events` of each log are kept, or all. */
  retention: { days: number; events: number | null }
  /** What the runs of one owner may take. */
  ownerBytesMax: number
  /** Those whose runs take most, most first; 20 at most. */
  owners: { owner: string; bytes: number }[]
}
