/**
 * The bundled client in Deno and in Bun. Only `npm run test:full` installs them (90 MB each) and runs this; workers and
 * browsers are in `e2e/client-elsewhere.test.ts`.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Elsewhere, openElsewhere, wanted } from '../support/client-elsewhere.ts'

const packages = join(import.meta.dirname, 'node_modules')
const [deno, bun] =
  process.arch === 'arm64'
    ? ['@deno/linux-arm64-glibc/deno', '@oven/bun-linux-aarch64/bin/bun']
    : ['@deno/linux-x64-glibc/deno', '@oven/bun-linux-x64/bin/bun']

/** Nothing is allowed to it but the network. */
const runtimes: [name: string, command: string[]][] = [
  ['Deno', [deno, 'run', '--no-prompt', '--no-config', '--allow-net=127.0.0.1']],
  ['Bun', [bun, 'run', '--no-install']],
]

describe.runIf(process.env.MILLRACE_TEST_FULL && process.platform === 'linux')('the client elsewhere', () => {
  let elsewhere: Elsewhere
  beforeAll(async () => {
    elsewhere = await openElsewhere()
  })
  afterAll(() => elsewhere?.close())

  it.each(runtimes)('the client follows across a cut in %s', async (name, [program = '', ...args]) => {
    const report = await elsewhere.follow(async (assignment) => {
      const main = join(elsewhere.folder, `${name}.js`)
      const given = JSON.stringify(assignment)
      writeFileSync(
        main,
        `import { followToEnd } from './program.js'\nconsole.log(JSON.stringify(await followToEnd(${given})))\n`,
      )
      const { stdout } = await promisify(execFile)(join(packages, program), [...args, main], {
        // What it caches goes with the folder.
        env: { HOME: elsewhere.folder, DENO_NO_UPDATE_CHECK: '1', DO_NOT_TRACK: '1' },
      })
      return JSON.parse(stdout)
    })
    expect(report).toEqual(wanted)
  })
})
