/**
 * Every attack of the corpus, really executed in the sandbox: whatever the policy thinks of it, nothing
 * outside the project changes and no secret comes out.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Sandbox } from '@millrace/sandbox'
import { git, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attack, attacks, type Places, placed } from './support/corpus.ts'

const workspace = new Workspace()
const at = (name: string) => join(workspace.root, name)
const places: Places = {
  project: at('projects'),
  outside: at('outside'),
  home: at('home'),
  data: workspace.dataDir,
}
const canary = `canary-${randomUUID()}`
/** At once; the machine may be small. */
const lanes = 4
/** Rows that would hang end here; nearly all take a tenth of a second. */
const longestMs = 2_500

/** Each takes a sandbox of its own. By default every eighth runs, and of the newest every third. */
const all = process.env.MILLRACE_TEST_FULL !== undefined
const rows = attacks().filter(
  ({ id }, index) => all || id === 'quoting/split-quotes' || index % (id.startsWith('forms/') ? 3 : 8) === 0,
)
const projects = Array.from({ length: lanes }, (_, lane) => join(places.project, `lane-${lane}`, 'project'))
let sandbox: Sandbox
const leaks: string[] = []
const changes: string[] = []
let ran = 0

beforeAll(async () => {
  for (const directory of [places.outside, join(places.home, '.ssh'), join(places.home, '.aws')])
    mkdirSync(directory, { recursive: true })
  for (const file of [
    join(places.outside, 'keep'),
    join(places.outside, 'other'),
    join(places.home, '.bashrc'),
    join(places.home, '.ssh/id_rsa'),
    join(places.home, '.ssh/authorized_keys'),
    join(places.home, '.aws/credentials'),
    join(places.data, 'server.json'),
  ])
    writeFileSync(file, `${canary}\n`)
  // Whoever may pass may read: the boundary alone keeps these.
  chmodSync(places.data, 0o755)
  for (const project of projects) {
    mkdirSync(join(project, 'src'), { recursive: true })
    writeFileSync(join(project, 'package.json'), '{"scripts":{"test":"true"}}\n')
    writeFileSync(join(project, 'src/index.ts'), 'export const a = 1\n')
    makeMaterials(project)
    git(project, 'init', '-q', '-b', 'main')
    git(project, 'add', '-A')
    git(project, 'commit', '-qm', 'first')
    cpSync(project, pristine(project), { recursive: true })
  }
  sandbox = await workspace.open(projects)
})

afterAll(() => workspace.close())

it('no attack of the corpus changes anything outside the project or brings out a secret', async () => {
  const untouched = outsideOf()
  const waiting = [...rows]
  process.env.MILLRACE_CANARY_TOKEN = canary
  try {
    await Promise.all(
      projects.map(async (project) => {
        for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
          await attack(row, project)
          // Looked at after each, so that the one that did it is named, give or take its neighbours.
          if (outsideOf() !== untouched) changes.push(row.id)
        }
      }),
    )
  } finally {
    delete process.env.MILLRACE_CANARY_TOKEN
  }
  expect({ leaks, changes }).toEqual({ leaks: [], changes: [] })
  expect(outsideOf()).toBe(untouched)
  expect(ran).toBe(rows.length)
}, 120_000)

it('the same attacks do change it without a boundary, so the test would see it', async () => {
  const scratch = at('unprotected')
  mkdirSync(scratch)
  writeFileSync(join(scratch, 'keep'), 'x')
  const row = rows.find(({ id }) => id === 'quoting/split-quotes')
  const command = placed(row?.command ?? '', { ...places, outside: scratch })
  await promisify(execFile)('bash', ['-c', command], { cwd: projects[0] })
  expect(existsSync(join(scratch, 'keep'))).toBe(false)
})

/** What the attacks work with: a program, links, archives, a patch. */
function makeMaterials(project: string): void {
  writeFileSync(join(project, 'README.md'), 'a\n')
  writeFileSync(
    join(project, 'evil.sh'),
    `#!/bin/sh\nrm -rf ${places.outside}/keep; cat ${places.home}/.ssh/id_rsa\n`,
  )
  chmodSync(join(project, 'evil.sh'), 0o755)
  mkdirSync(join(project, 'sub/deep'), { recursive: true })
  symlinkSync('sub/deep', join(project, 'l'))
  symlinkSync(places.outside, join(project, 'o'))
  writeFileSync(join(project, 't.test.js'), 'require("node:test")("a", () => {})\n')
  writeFileSync(join(project, 'd.txt'), `>>> import os; _ = os.system('./evil.sh')\n`)
  writeFileSync(join(project, 'd.patch'), '--- README.md\n+++ README.md\n@@ -1 +1 @@\n-a\n+b\n')
  execFileSync('tar', ['cf', 'b.tar', 'README.md'], { cwd: project })
  const elsewhere = `--transform=s,.*,${places.outside}/keep,`
  execFileSync('tar', ['cPf', 'abs.tar', elsewhere, 'README.md'], { cwd: project })
}

async function attack(row: Attack, project: string): Promise<void> {
  const command = placed(row.command, { ...places, project })
  const child = await workspace.spawn(sandbox, project, ['bash', '-c', command], {
    limits: { memoryBytes: 512 * 1024 * 1024, processes: 64 },
  })
  child.stdin.on('error', () => {})
  child.stdin.end()
  const output: string[] = []
  let length = 0
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      length += chunk.length
      // Enough to find a secret in; an attack may print without end.
      if (length < 4 * 1024 * 1024) output.push(String(chunk))
    })
  const late = setTimeout(() => void child.end(0), longestMs)
  await child.exited
  clearTimeout(late)
  await child.end(0)
  ran++
  if (protectedOf(project) !== protectedOf(pristine(project))) changes.push(`${row.id} (protected files)`)
  if (output.join('').includes(canary) || holdsCanary(project)) leaks.push(row.id)
  // What an attack did to its own project is its own affair, but the next one starts anew.
  await promisify(execFile)('sh', [
    '-c',
    'find "$1" -mindepth 1 -name .git -prune -o -mindepth 1 -exec rm -rf {} + ; cp -R "$2/." "$1/"',
    'sh',
    project,
    pristine(project),
  ]).catch(() => {})
}

/** Carried into the project, a secret is out as well. */
function holdsCanary(project: string): boolean {
  return readdirSync(project, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => readFileSync(join(project, entry.name)).includes(canary))
}

function pristine(project: string): string {
  return `${project}-pristine`
}

/** Everything outside the projects that the attacks must not touch. */
function outsideOf(): string {
  return [places.outside, places.home, places.data].map(fingerprint).join('\n')
}

/** What other programs take for code or settings. */
function protectedOf(project: string): string {
  return ['.git/config', '.git/hooks'].map((name) => fingerprint(join(project, name))).join('\n')
}

function fingerprint(path: string): string {
  const stat = lstatSync(path)
  const line = `${stat.mode} ${stat.uid} ${stat.size}`
  if (!stat.isDirectory()) return `${line} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
  const below = readdirSync(path)
    .filter((name) => !/^(placeholders|probe|quarantine|sandbox|watched)/.test(name))
    .sort()
  return [
    `${stat.mode} ${stat.uid}`,
    ...below.map((name) => `${name}: ${fingerprint(join(path, name))}`),
  ].join('\n')
}
