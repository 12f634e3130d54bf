/** A machine that is short of files for a moment, which is no machine without a sandbox. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
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

function openWith(openFiles: number): Promise<string> {
  return openAfter(`ulimit -n ${openFiles}`)
}

async function openAfter(preparation: string): Promise<string> {
  const script = `${preparation}; exec "$0" --input-type=module -e "$1" "$2"`
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

  it.runIf(process.getuid?.() === 0)('with a full /tmp, opening is refused as well', async () => {
    const full = join(directory, 'tmp')
    mkdirSync(full)
    const preparation = `mount -t tmpfs -o size=8k none ${full} && head -c 8192 /dev/zero > ${full}/filler; export TMPDIR=${full}`
    // In a mount namespace of its own, which takes the mount with it.
    const inNamespace = `[ -n "$IN" ] || IN=1 exec unshare -m bash -c "$BASH_EXECUTION_STRING" "$0" "$1" "$2"`
    expect(await openAfter(`${inNamespace}; ${preparation}`)).toMatch(
      /^refused: sandbox_unavailable .*temporary files is full.*Make room/,
    )
  })
})
