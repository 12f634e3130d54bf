/** A part of the command, as offsets into its text. */
export interface Span {
  start: number
  end: number
}

/** What the reading of a call found to object to. */
export interface Finding {
  /** `forbidden` is harm that was read; `unreadable` is what could not be read. */
  level: 'forbidden' | 'unreadable'
  /** One sentence, without a full stop, naming the part of the call. */
  reason: string
  /** Where in the command it is, if it can be pointed at. */
  span?: Span | undefined
}

/** Harm outweighs doubt; else the first one counts. */
export function gravest(findings: readonly Finding[]): Finding | null {
  return findings.find((finding) => finding.level === 'forbidden') ?? findings[0] ?? null
}

/** The spans of all findings, in order, those that overlap as one. */
export function spansOf(findings: readonly Finding[]): Span[] {
  const spans = findings.flatMap(({ span }) => span ?? []).sort((a, b) => a.start - b.start)
  const joined: Span[] = []
  for (const span of spans) {
    const last = joined.at(-1)
    if (last !== undefined && span.start <= last.end) last.end = Math.max(last.end, span.end)
    else joined.push({ ...span })
  }
  return joined
}
