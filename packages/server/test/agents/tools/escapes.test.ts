/**
 * Attempts to leave the project through the tools themselves, without the policy in front of them: the boundary, and
 * the tools where there is none, must hold alone.
 */
import { createHash, randomUUID } from 'node:crypto'
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { git } from '@millrace/test-support/workspace'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CallOptions, openTools } from './support/rig.ts'

const tools = openTools()
const { call, file, link, give, project, workspace } = tools
const isFull = process.env.MILLRACE_TEST_FULL !== undefined
const canary = `canary-${randomUUID()}`
const at = (name: string) => join(workspace.root, name)
const outside = at('outside')
const home = at('home')
const secrets = [
  join(outside, 'keep'),
  join(outside, 'other'),
  join(home, '.ssh/id_rsa'),
  join(home, '.aws/credentials'),
  join(workspace.dataDir, 'server.json'),
]

beforeAll(() => {
  for (const directory of [outside, join(home, '.ssh'), join(home, '.aws')])
    mkdirSync(directory, { recursive: true })
  // They belong to the run's user, and all may read them: only the tools and the boundary keep them.
  for (const path of [outside, home, join(home, '.ssh'), join(home, '.aws')]) give(path)
  for (const path of secrets) {
    writeFileSync(path, `${canary}\n`, { mode: 0o666 })
    chmodSync(path, 0o666)
  }
  chmodSync(workspace.dataDir, 0o755)
  file('README.md', 'a\n')
  file('evil.sh', `#!/bin/sh\nrm -rf ${outside}/keep; cat ${home}/.ssh/id_rsa\n`, 0o755)
  file('sub/deep/file', 'x\n')
  git(project, 'init', '-q', '-b', 'main')
  link(outside, 'out')
  link(join(outside, 'keep'), 'keep-link')
  link('out', 'sub/chain')
  link('/', 'root')
  link('/proc/self/root', 'proc-root')
  link('../..', 'sub/up')
})

/** Ways to the same file outside. */
const ways = (target: string): string[] => [
  target,
  join('..', relative(join(project, '..'), target)),
  `sub/deep/../../../${relative(join(project, '..'), target)}`,
  `${'../'.repeat(60)}${target.slice(1)}`,
  `/proc/self/root${target}`,
  `/proc/1/root${target}`,
  `/proc/self/cwd/../${relative(join(project, '..'), target)}`,
  `/dev/fd/../../proc/self/root${target}`,
  `root${target}`,
  `proc-root${target}`,
  `sub/up/${relative(join(project, '..'), target)}`,
  ...(target.startsWith(outside) ? [`out/${basename(target)}`, `sub/chain/${basename(target)}`] : []),
  ...(target === join(outside, 'keep') ? ['keep-link'] : []),
]

/**
 * Every call is a process. By default all ways lead to the first target and two to the others; how a path is resolved is
 * tested in one process (`inside/place.test.ts`).
 */
const waysTo = (targets: readonly string[]): string[] =>
  targets.flatMap((target, index) => (isFull || index === 0 ? ways(target) : ways(target).slice(0, 2)))

function fingerprint(path: string): string {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) {
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
    return `${stat.mode} ${stat.uid} ${stat.ino} ${digest}`
  }
  const names = readdirSync(path).filter(
    (name) => !/^(placeholders|probe|quarantine|sandbox|watched)/.test(name),
  )
  return [
    `${stat.mode} ${stat.uid}`,
    ...names.sort().map((name) => `${name}: ${fingerprint(join(path, name))}`),
  ].join('\n')
}
/** A few at a time. */
async function eachOf<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: 4 }, lane))
}

const everythingOutside = () => [outside, home, workspace.dataDir].map(fingerprint).join('\n')

describe('a file tool does not leave the project', () => {
  it('to read, search or list, whatever way leads out', async () => {
    await eachOf(waysTo(secrets), async (path) => {
      const read = await call('read', { path })
      expect(read, path).toMatchObject({ ok: false, text: expect.not.stringContaining(canary) })
    })
    await eachOf(ways(secrets[0] ?? ''), async (path) => {
      const folder = path.slice(0, path.lastIndexOf('/') + 1) || '.'
      const found = await call('search', { path, pattern: '.', includeIgnored: true })
      const listed = await call('list', { path: folder, pattern: 'keep' })
      expect(found.text + listed.text, path).not.toContain(canary)
      if (folder !== '.') expect(listed.text, path).not.toMatch(/^keep$/m)
    })
  })

  it.each([
    ['with the boundary', () => ({})],
    ['without a boundary', () => ({ sandbox: tools.loose })],
  ])('to write or edit, whatever way leads out, %s', async (_what, options: () => CallOptions) => {
    const untouched = everythingOutside()
    const targets = [join(outside, 'keep'), join(home, '.ssh/id_rsa'), join(outside, 'new/deep')]
    const paths = waysTo(targets)
    await eachOf(paths, async (path) => {
      const written = await call('write', { path, content: 'escaped' }, options())
      expect(written.ok, path).toBe(false)
    })
    // Both tools resolve a path alike: by default every third way is tried by the second one.
    await eachOf(isFull ? paths : paths.filter((_, index) => index % 3 === 0), async (path) => {
      const edited = await call('edit', { path, oldText: 'canary', newText: 'escaped' }, options())
      expect(edited.ok, path).toBe(false)
      expect(edited.text, path).not.toContain(canary)
    })
    expect(everythingOutside()).toBe(untouched)
  })

  it('through a hard link', async () => {
    linkSync(join(outside, 'other'), join(project, 'hard'))
    const untouched = everythingOutside()
    await call('write', { path: 'hard', content: 'escaped' })
    expect(everythingOutside()).toBe(untouched)
  })

  it.each([
    ['with the boundary', () => ({})],
    ['without a boundary', () => ({ sandbox: tools.loose })],
  ])('while directories are swapped for links, %s', async (_what, options: () => CallOptions) => {
    file('race/real/file', 'inside\n')
    file('race/real/keep', 'inside\n')
    const untouched = everythingOutside()
    const stop = new AbortController()
    const swap = `cd race; while true; do mv real aside; ln -s ${outside} real; rm real; mv aside real; ln -sf ${outside}/keep link; ln -sf real/file link; done`
    const swapping = call(
      'shell',
      { command: swap, timeoutSeconds: 300 },
      { ...options(), signal: stop.signal },
    )
    const rounds = isFull ? 12 : 4
    let seen = ''
    for (let count = 0; count < rounds; count += 1) {
      const calls = await Promise.all([
        call('write', { path: 'race/real/keep', content: `escaped ${count}` }, options()),
        call('edit', { path: 'race/real/keep', oldText: 'canary', newText: 'escaped' }, options()),
        call('write', { path: `race/real/new-${count}/deep/file`, content: 'escaped' }, options()),
        call('edit', { path: 'race/link', oldText: 'canary', newText: 'escaped' }, options()),
      ])
      seen += calls.map(({ text }) => text).join('\n')
    }
    stop.abort()
    await swapping
    expect(everythingOutside()).toBe(untouched)
    expect(seen).not.toContain(canary)
  })
})

describe('the tool shell does not leave the project', () => {
  interface Attack {
    id: string
    command: string
  }
  const folder = new URL('../../../../policy/test/corpus/', import.meta.url)
  /** The boundary has a test of its own for all of them; these show that the tool starts commands behind it. */
  const share = isFull ? 1 : 24
  const attacks = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl') && name !== 'honest.jsonl')
    .sort()
    .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Attack)
    .filter((_attack, index) => index % share === 0)
  const places: Record<string, string> = { project, outside, home, data: workspace.dataDir }
  const placed = (command: string) =>
    command.replace(/\{(project|outside|home|data)\}/g, (_, name) => places[name] ?? '')

  it('with any attack of the corpus', async () => {
    const untouched = everythingOutside()
    const protectedFiles = () =>
      ['.git/config', '.git/hooks'].map((name) => fingerprint(join(project, name))).join('\n')
    const settings = protectedFiles()
    const [leaks, changes]: [string[], string[]] = [[], []]
    process.env.MILLRACE_CANARY_TOKEN = canary
    await eachOf(attacks, async ({ id, command }) => {
      const limits = { memoryBytes: 512 * 1024 ** 2, processes: 64 }
      const { text, live } = await call('shell', { command: placed(command), timeoutSeconds: 3 }, { limits })
      if ((text + live.join('')).includes(canary)) leaks.push(id)
      if (everythingOutside() !== untouched || protectedFiles() !== settings) changes.push(id)
    })
    delete process.env.MILLRACE_CANARY_TOKEN
    expect({ leaks, changes }).toEqual({ leaks: [], changes: [] })
    expect(attacks.length).toBeGreaterThan(20)
    // More than a thousand calls, some of which take their three seconds.
  }, 1_800_000)
})
