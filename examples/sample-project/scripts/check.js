/** A small linter: every source parses, and is laid out as the others are. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const complaints = []
let checked = 0

for (const folder of ['src', 'test', 'scripts']) {
  for (const name of readdirSync(join(root, folder))) {
    const path = `${folder}/${name}`
    const text = readFileSync(join(root, path), 'utf8')
    checked += 1
    try {
      execFileSync(process.execPath, ['--check', join(root, path)], { stdio: 'pipe' })
    } catch (error) {
      complaints.push(`${path}: ${String(error.stderr).trim()}`)
    }
    if (!text.endsWith('\n') || text.endsWith('\n\n'))
      complaints.push(`${path}: wants one newline at its end`)
    for (const [index, line] of text.split('\n').entries()) {
      const at = `${path}:${index + 1}`
      if (line.includes('\t')) complaints.push(`${at}: tab`)
      if (/\s$/.test(line)) complaints.push(`${at}: blank at the end of the line`)
      if (line.length > 110) complaints.push(`${at}: longer than 110 characters`)
    }
  }
}

for (const complaint of complaints) console.error(complaint)
console.log(`${checked} files checked, ${complaints.length} complaints`)
process.exitCode = complaints.length === 0 ? 0 : 1
