import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

/** A checkout with the launcher and the bundler of this one, and a program of four lines. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'millrace-bundle-'))
const server = join(root, 'packages/server')
afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeAll(() => {
  cpSync(join(repository, 'packages/server/bin'), join(server, 'bin'), { recursive: true })
  cpSync(join(repository, 'scripts/bundle'), join(root, 'scripts/bundle'), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
  write('package.json', JSON.stringify({ type: 'module', imports: { '#*': './src/*.ts' } }))
  write('src/store/sqlite/reader/reader-worker.ts', 'export {}')
  write('src/store/sqlite/writer/writer-worker.ts', 'export {}')
  write('src/agents/claude/engine/self-test-main.ts', 'export {}')
  write('src/beside.txt', 'beside the source')
  write('src/value.ts', "export const value: string = 'first → ä'")
  write(
    'src/main.ts',
    [
      `import { readFileSync } from 'node:fs'`,
      `import { value } from './value.ts'`,
      `const thread = import.meta.resolve('#store/sqlite/reader/reader-worker')`,
      `const stack = new Error().stack?.split('\\n')[1]`,
      `console.log(JSON.stringify({ value, thread, stack, beside: readFileSync(new URL('beside.txt', import.meta.url), 'utf8') }))`,
    ].join('\n'),
  )
})

function write(path: string, text: string): void {
  const file = join(server, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  // As old as a file that nobody has just saved.
  const past = Date.now() / 1000 - 60 - Math.random()
  utimesSync(file, past, past)
}

interface Printed {
  value: string
  thread: string
  stack: string
  beside: string
}

function run(...args: string[]): Printed {
  const text = execFileSync(process.execPath, [join(server, 'bin/millrace.js'), ...args], {
    encoding: 'utf8',
  })
  return JSON.parse(text) as Printed
}

const bundles = () => readdirSync(join(server, '.bundle')).filter((name) => !name.endsWith('.json'))

it('a checkout runs a bundle of its sources, which finds its threads in it and its files beside the sources', () => {
  const first = run()
  expect(first).toMatchObject({ value: 'first → ä', beside: 'beside the source' })
  expect(first.stack).toContain('/.bundle/')
  expect(first.thread).toMatch(/\/\.bundle\/[^/]+\/reader-worker\.js$/)
  const made = bundles()
  expect(made).toHaveLength(1)
  expect(run()).toEqual(first)
  expect(bundles()).toEqual(made)
})

it('a checkout whose sources were edited runs what they say now, and keeps the bundle that may be in use', () => {
  run()
  const before = bundles()
  write('src/value.ts', "export const value: string = 'second'")
  expect(run().value).toBe('second')
  // Saved within the moment in which a bundle is made, too: that one is not believed.
  writeFileSync(join(server, 'src/value.ts'), "export const value: string = 'third!'")
  expect(run().value).toBe('third!')
  writeFileSync(join(server, 'src/value.ts'), "export const value: string = 'fourth'")
  expect(run().value).toBe('fourth')
  expect(bundles()).toEqual(expect.arrayContaining(before))
})

it('an old bundle is removed once no server uses it', () => {
  run()
  const [used = '', unused = ''] = ['aaaa-1', 'aaaa-2']
  for (const name of [used, unused]) {
    const folder = join(server, '.bundle', name)
    mkdirSync(folder)
    writeFileSync(join(folder, `used-by-${name === used ? process.pid : 2 ** 22 + 1}`), '')
    utimesSync(folder, 1, 1)
  }
  write('src/value.ts', "export const value: string = 'last'")
  expect(run().value).toBe('last')
  expect(bundles()).toContain(used)
  expect(bundles()).not.toContain(unused)
})

it('sources of which no bundle can be made run themselves', () => {
  write('src/value.ts', "export const value: string = 'unbundled'")
  const bundler = join(root, 'scripts/bundle/server.ts')
  const text = readFileSync(bundler, 'utf8')
  writeFileSync(bundler, 'process.exit(1)')
  try {
    const printed = run()
    expect(printed.value).toBe('unbundled')
    expect(printed.stack).toContain('/src/main.ts')
  } finally {
    writeFileSync(bundler, text)
  }
})

it('the first server of a checkout builds the console, and no other command does', () => {
  const page = join(server, 'public/index.html')
  const builder = `import { appendFileSync, mkdirSync } from 'node:fs'
    mkdirSync(${JSON.stringify(dirname(page))}, { recursive: true })
    appendFileSync(${JSON.stringify(page)}, 'built')`
  mkdirSync(join(root, 'scripts/console'), { recursive: true })
  writeFileSync(join(root, 'scripts/console/build.ts'), builder)
  run('runs')
  expect(existsSync(page)).toBe(false)
  run('serve')
  run('serve')
  expect(readFileSync(page, 'utf8')).toBe('built')
})
