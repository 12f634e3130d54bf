/**
 * `npm run install-command`: puts a `millrace` command for every folder into `~/.local/bin`, which runs this checkout with
 * the Node that runs this script, whatever Node is on the PATH.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const mark = '# Written by "npm run install-command" of Millrace.'
const bin = fileURLToPath(new URL('../packages/server/bin/millrace.js', import.meta.url))
const folder = join(homedir(), '.local', 'bin')
const path = join(folder, 'millrace')

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const launcher = `#!/bin/sh
${mark}
exec ${quoted(process.execPath)} --max-semi-space-size=16 ${quoted(bin)} "$@"
`

if (isForeign()) {
  console.error(`${path} exists and was not written by this script: move it away first.`)
  process.exit(1)
}
mkdirSync(folder, { recursive: true })
writeFileSync(`${path}.new`, launcher, { mode: 0o755 })
renameSync(`${path}.new`, path)
console.log(`Installed ${path}`)
if (!(process.env.PATH ?? '').split(':').includes(folder)) {
  console.log(
    `${folder} is not on your PATH yet: add it, or open a new terminal if your shell adds it at login.`,
  )
}

function isForeign(): boolean {
  try {
    return !readFileSync(path, 'utf8').includes(mark)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
