/** What the reading of a call found to object to. */
export interface Finding {
  /** `forbidden` is harm that was read; `unreadable` is what could not be read. */
  level: 'forbidden' | 'unreadable'
  /** One sentence, without a full stop, naming the part of the call. */
  reason: string
}

/** Harm outweighs doubt; else the first one counts. */
export function gravest(findings: readonly Finding[]): Finding | null {
  return findings.find((finding) => finding.level === 'forbidden') ?? findings[0] ?? null
}
