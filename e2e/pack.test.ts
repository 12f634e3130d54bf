/** What a stranger installs: the tarballs of all packages, in an empty folder outside of the workspace. */
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '@millrace/test-support/folders'
import { describe, expect, it, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))
const published = globSync('packages/*/package.json', { cwd: root })
  .map((path) => JSON.parse(readFileSync(join(root, path), 'utf8')) as { name: string; private?: boolean })
  .filter((manifest) => !manifest.private)
  .map(({ name }) => name)
  .sort()

const program = `
import { createClient } from '@millrace/client'
import { createPolicy } from '@millrace/policy'
import { isFinal, type Run } from '@millrace/protocol'
import { startRunBody } from '@millrace/protocol/schemas'
import * as view from '@millrace/protocol/view'
import * as react from '@millrace/react'
import { openSandbox } from '@millrace/sandbox'
import { demoProject, loadScript, demoScript } from '@millrace/scripted-model'
import { type ConfigFile, createMillrace, createSSEWriter } from '@millrace/server'
import * as store from '@millrace/server/store'

const config = { projects: { web: { path: '.' } }, tools: { test: { command: ['true'] } } } satisfies ConfigFile
const all = [createClient, createPolicy, openSandbox, createSSEWriter, startRunBody.parse, loadScript(demoScript), demoProject]
export const run: Run | undefined = undefined
const doors = [view, react, store].map((door) => Object.keys(door).length > 0)
console.log(typeof createMillrace(config).start, all.every(Boolean), doors.every(Boolean), typeof isFinal)
`

const compilerOptions = {
  target: 'es2024',
  lib: ['es2024', 'dom', 'esnext.disposable', 'esnext.collection'],
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  outDir: 'out',
  types: ['node'],
}

describe.runIf(process.env.MILLRACE_TEST_FULL)('the published packages', () => {
  it('installed from tarballs in an empty folder, they are imported, type-check, and run', () => {
    const scratch = scratchFolder('millrace-pack-')
    onTestFinished(scratch.dispose)
    const [tarballs, folder] = [join(scratch.path, 'tarballs'), join(scratch.path, 'app')]
    mkdirSync(folder)
    const run = (command: string, args: readonly string[], cwd = folder) => {
      // npm hands its own settings down to the scripts it runs, such as this test.
      const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
      const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env })
      if (status !== 0)
        throw new Error(`${command} ${args.join(' ')}: ${status}
${stdout}${stderr}`)
      return stdout
    }
    const paths = run('npm', ['run', '-s', 'pack', '--', tarballs], root).trim().split('\n')
    const packed = paths.map((path) =>
      basename(path).replace(/^millrace-(.*)-\d+\.\d+\.\d+.*\.tgz$/, '@millrace/$1'),
    )
    expect(packed.sort()).toEqual(published)

    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    const others = ['typescript@latest', '@types/node@latest', 'react@19', '@types/react@19', 'vitest@5']
    run('npm', ['install', '--no-audit', '--no-fund', ...paths, ...others])
    writeFileSync(join(folder, 'main.ts'), program)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }))
    run('npx', ['--no-install', 'tsc', '-p', '.'])
    expect(run(process.execPath, ['out/main.js'])).toBe('function true true function\n')

    const { version } = JSON.parse(readFileSync(join(root, 'packages/server/package.json'), 'utf8')) as {
      version: string
    }
    expect(run('npm', ['exec', '--', 'millrace', '--version'])).toBe(`${version}\n`)
    const schema = run('npm', ['exec', '--', 'millrace', 'config', '--schema']).trim()
    expect(schema).toMatch(/node_modules\/@millrace\/server\/config\.schema\.json$/)

    for (const dist of globSync('packages/*/dist', { cwd: root })) {
      const warnings = publishWarnings(join(root, dist))
      expect(warnings, dist).toEqual([])
    }
  }, 600_000)
})

/** What a dry run of a release complains of, besides that nobody is logged in. */
function publishWarnings(cwd: string): string[] {
  const text = execFileSync('sh', ['-c', 'npm publish --dry-run --loglevel=warn 2>&1'], {
    cwd,
    encoding: 'utf8',
  })
  return text
    .split('\n')
    .filter((line) => /npm (?:warn|error)/.test(line) && !/requires you to be logged in/.test(line))
}
