/** The corpus: commands as data, one row a line. See docs/policy.md for how to read and extend it. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Attack {
  /** The file's name and the row's: `quoting/backslash`. */
  id: string
  /** `{project}`, `{outside}`, `{home}` and `{data}` stand for directories. */
  command: string
  /** What hides the harm. */
  note: string
  outside: Decision
  /** By the setting `unreadableBash`. */
  inside: { allow: Decision; ask: Decision; deny: Decision }
}

export interface Honest {
  id: string
  /** Never refused: allowed in a sandbox, and outside allowed or asked about. */
  command: string
  outside: 'allow' | 'ask'
}

type Decision = 'allow' | 'ask' | 'deny'

export type Places = Record<'project' | 'outside' | 'home' | 'data', string>

const folder = new URL('../corpus/', import.meta.url)
const honestFile = 'honest.jsonl'

export function attacks(): Attack[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl') && file !== honestFile)
    .sort()
    .flatMap((file) => rowsOf<Attack>(file).map((row) => ({ ...row, id: `${file.slice(0, -6)}/${row.id}` })))
}

export function honest(): Honest[] {
  return rowsOf<Honest>(honestFile)
}

export function placed(command: string, places: Places): string {
  return command.replace(/\{(project|outside|home|data)\}/g, (_, name: keyof Places) => places[name])
}

function rowsOf<Row>(file: string): Row[] {
  const lines = readFileSync(new URL(file, folder), 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Row)
}
