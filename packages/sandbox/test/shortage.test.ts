/** A machine that is short of files for a moment, which is no machine without a sandbox. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'

const directory = mkdtempSync(join(tmpdir(), 'millrace-shortage-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const program = `
import { openSandbox } from ${JSON.stringify(new URL('../src/open.ts', import.meta.url).href)}
const options = { mode: 'auto', readPaths: [], dataDir: process.argv[1], configFile: null, projects: [] }
await openSandbox(options).then(
  ({ report }) => console.log('opened:', report.boundary),
  (error) => console.log('refused:', error.code, error.message),
)
process.exit()
`

async function openWith(openFiles: number): Promise<string> {
  const script = `ulimit -n ${openFiles}; exec "$0" --input-type=module -e "$1" "$2"`
  const { stdout } = await promisify(execFile)('bash', ['-c', script, process.execPath, program, directory])
  return stdout
}

describe('a sandbox', () => {
  // Each limit runs out at another step: reading the version, making pipes, reading a folder, starting bubblewrap.
  it.each([26, 34, 42, 50])(
    'with %i files, opening is refused rather than going without one',
    async (files) => {
      const refused = /^refused: sandbox_unavailable The sandbox could not be tested: .*limit/
      // How many files Node itself needs differs by some from machine to machine.
      expect(await openWith(files)).toMatch(files < 40 ? refused : /^opened: bubblewrap|^refused: .*limit/)
    },
  )
})
