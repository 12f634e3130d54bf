/** What tells two requests with one idempotency key apart. */
import { createHash } from 'node:crypto'
import type { RunKind } from '@millrace/protocol'

/** Two requests that mean the same have one fingerprint, in whatever order their keys came. */
export function fingerprintOf(kind: RunKind, project: string | null, spec: Record<string, unknown>): string {
  const text = JSON.stringify([kind, project, spec], (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(text).digest('hex')
}
