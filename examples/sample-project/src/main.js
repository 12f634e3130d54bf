import { readFileSync } from 'node:fs'
import { formatDuration } from './duration.js'
import { parseTimesheet, totals } from './timesheet.js'

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node src/main.js <timesheet>')
  process.exit(2)
}

const entries = parseTimesheet(readFileSync(file, 'utf8'))
for (const [task, minutes] of totals(entries)) console.log(`${formatDuration(minutes).padStart(8)}  ${task}`)
const days = new Set(entries.map((entry) => entry.day))
console.log(`${entries.length} entries on ${days.size} days`)
