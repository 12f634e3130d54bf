/** Lines of a log as plain text: to copy, and to download. */
import type { Client } from '@millrace/client'
import { nameOfEvent, summaryOf } from '#run/events/event-words.ts'
import { stripAnsi } from './ansi.ts'
import type { LoggedEvent } from './blocks.ts'

const pageEvents = 10_000

/** One event as a line of text, without colours. */
export function plainLine({ type, data }: Pick<LoggedEvent, 'type' | 'data'>): string {
  const { line } = (data ?? {}) as { line?: unknown }
  if (type === 'output' && typeof line === 'string') return stripAnsi(line)
  return `[${`${nameOfEvent(type)} ${summaryOf(data)}`.trim()}]`
}

export interface Exported {
  parts: string[]
  lines: number
}

/** The events from one to the other as text, read page by page. */
export async function exportLines(
  client: Pick<Client, 'events'>,
  runId: string,
  { first, last }: { first: number; last: number },
  { signal, progress }: { signal?: AbortSignal; progress?: (lines: number) => void } = {},
): Promise<Exported> {
  const exported: Exported = { parts: [], lines: 0 }
  let after = first - 1
  while (after < last) {
    const limit = Math.min(pageEvents, last - after)
    const { events } = await client.events(runId, { after, limit }, signal === undefined ? {} : { signal })
    const next = events.at(-1)?.seq
    if (next === undefined) break
    const lines = events.filter(({ seq }) => seq <= last).map(plainLine)
    if (lines.length > 0) exported.parts.push(`${lines.join('\n')}\n`)
    exported.lines += lines.length
    after = next
    progress?.(exported.lines)
  }
  return exported
}

/** Hands a text to the browser as a file. */
export function saveFile(name: string, parts: string[]): void {
  const address = URL.createObjectURL(new Blob(parts, { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser reads it after this.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
