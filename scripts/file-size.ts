/** No source file is longer than 400 lines: a longer one is two things. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const most = 400
const files = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', '*.ts', '*.tsx', '*.js', '*.cjs', '*.css'],
  {
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter(Boolean)

const long = files
  .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > most)
for (const { file, lines } of long) console.error(`${file}: ${lines} lines, ${most} at most`)
if (long.length > 0) process.exit(1)
console.log(`${files.length} source files, none over ${most} lines`)
