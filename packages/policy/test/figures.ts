/**
 * Prints the verdicts on honest commands and on attacks, the corpus or files of one's own:
 * `npm run figures -w packages/policy [-- /path/honest.jsonl /path/attacks.jsonl]`, a `{"command": …}` a line.
 */
import { readFileSync } from 'node:fs'
import { attacks, honest, placed } from './support/corpus.ts'
import { places, verdicts } from './support/policies.ts'

const [honestFile, attacksFile] = process.argv.slice(2)
report('honest commands', commandsIn(honestFile) ?? honest().map(({ command }) => command))
report('attacks', commandsIn(attacksFile) ?? attacks().map(({ command }) => command))

function commandsIn(file: string | undefined): string[] | undefined {
  if (file === undefined) return undefined
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map((line) => (JSON.parse(line) as { command: string }).command)
}

function report(what: string, commands: readonly string[]): void {
  const counts: Record<string, Record<string, number>> = {}
  let milliseconds = 0
  for (const command of commands) {
    const before = performance.now()
    const found = Object.entries(verdicts(placed(command, places)))
    milliseconds += performance.now() - before
    for (const [where, decision] of found) {
      const row = counts[where] ?? { allow: 0, ask: 0, deny: 0 }
      counts[where] = { ...row, [decision]: (row[decision] ?? 0) + 1 }
    }
  }
  const each = milliseconds / commands.length / Object.keys(counts).length
  console.log(`${commands.length} ${what}, ${each.toFixed(2)} ms a verdict`)
  console.table(counts)
}
