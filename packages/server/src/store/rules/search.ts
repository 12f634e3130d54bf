/** The text by which a run is found, and what is looked for in it. */
import type { RunRow } from './rows.ts'

/** Of each part no more is searched: a prompt may have 262,144 characters, and every search reads the texts. */
const partCharsMax = 500

/** `spec` is JSON. */
export function searchText({ id, spec }: Pick<RunRow, 'id' | 'spec'>): string {
  const { tool, title, prompt, task } = JSON.parse(spec) as Record<string, unknown>
  const parts = [tool, title, prompt, task].filter((part) => typeof part === 'string')
  return [id, ...parts.map((part) => searchTerm(part.slice(0, partCharsMax)))].join('\n')
}

/** Whatever its case; and well-formed, as a database stores it. */
export function searchTerm(text: string): string {
  return text.toLowerCase().toWellFormed()
}
