/**
 * What runs take in a store, as the quota of their owner counts it: in bytes of UTF-8, with a round figure for each row
 * whatever its backend makes of it. Every backend counts the same, in the transaction that writes.
 */
import { Buffer } from 'node:buffer'
import type { Attachment } from '@millrace/protocol'
import { quotaMessage } from '#store/quota-message'
import type { TranscriptEntry } from '#store/store'
import { type Refusal, refusal } from './refusal.ts'
import type { NewRunRow, RunRow } from './rows.ts'

/** Of a run besides its log and its texts: its row, its indexes, the text by which it is found. */
const runBytes = 1024
/** An answer or an end in words takes less, and is always kept: people can answer, and producers can end their runs. */
const briefBytes = 16 * 1024
/** Of a batch of a producer: the answer that is kept for it. */
export const producedBytes = 64

export function bytesOfText(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text)
}

export function bytesOfRun({ spec }: Pick<NewRunRow, 'spec'>): number {
  return runBytes + bytesOfText(spec)
}

export function bytesOfEnd({ result, error, usage }: Pick<RunRow, 'result' | 'error' | 'usage'>): number {
  return bytesOfText(result) + bytesOfText(error) + bytesOfText(usage)
}

export function bytesOfEntries(entries: readonly Pick<TranscriptEntry, 'json'>[]): number {
  return entries.reduce((sum, { json }) => sum + bytesOfText(json), 0)
}

/** What attachments contain, as `attachedOf` in `batched/attachments.ts` writes it: a JSON array of texts in base64. */
export function bytesOfContents(attachments: readonly Pick<Attachment, 'bytes'>[] = []): number {
  if (attachments.length === 0) return 0
  return attachments.reduce((sum, { bytes }) => sum + Math.ceil(bytes / 3) * 4 + 3, 1)
}

/** What the quota of an owner is judged by. `ownerBytes`: with `ownerBytesMax`, what the runs of the owner take. */
export type QuotaFacts = Pick<NewRunRow, 'owner' | 'ownerBytesMax'> & { ownerBytes: number }

/** May the runs of the owner take more? Null: yes. */
export function overQuota({ owner, ownerBytes, ownerBytesMax }: QuotaFacts): Refusal | null {
  if (ownerBytesMax === undefined || ownerBytes < ownerBytesMax) return null
  return refusal('quota_exceeded', quotaMessage(owner, ownerBytes, ownerBytesMax), {
    ownerBytes,
    ownerBytesMax,
  })
}

/** May this answer to a question, or this end of a run, be kept? Null: yes. The facts are looked up only for a long one. */
export function tooLong(bytes: number, facts: () => QuotaFacts): Refusal | null {
  return bytes <= briefBytes ? null : overQuota(facts())
}
