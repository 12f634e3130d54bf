/**
 * `npm test`: installs what the suite needs and is missing, runs the suite, and fails if one of its processes is left
 * afterwards. `npm run test:full` adds the long tests. Arguments are passed on to vitest: `npm test -- e2e/page.test.ts`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { postgresPrograms } from '@millrace/test-support/postgres-server'
import { installBeside } from './install-beside.ts'

/** The programs that the suite uses, and the Debian packages they are in. */
const needed: { program: string; debian: string }[] = [
  { program: 'bwrap', debian: 'bubblewrap' },
  { program: 'chromium', debian: 'chromium' },
  { program: 'strace', debian: 'strace' },
  { program: 'curl', debian: 'curl' },
  { program: 'make', debian: 'make' },
  { program: 'nginx', debian: 'nginx' },
  { program: 'setpriv', debian: 'util-linux' },
]

/** What some tests use. Where it cannot be installed they are left out, and say so. */
const wanted: { isThere: () => boolean; debian: string }[] = [
  { isThere: () => postgresPrograms() !== null, debian: 'postgresql' },
  { isThere: () => isInstalled('redis-server') || isInstalled('valkey-server'), debian: 'redis-server' },
]

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(`${folder}/${program}`))
}

function install(): void {
  const canInstall = process.platform === 'linux' && process.getuid?.() === 0 && isInstalled('apt-get')
  const missing = needed.filter(({ program }) => !isInstalled(program)).map(({ debian }) => debian)
  if (canInstall) missing.push(...wanted.filter(({ isThere }) => !isThere()).map(({ debian }) => debian))
  if (missing.length === 0) return
  if (missing.includes('postgresql')) withoutMainCluster()
  if (!canInstall) {
    console.error(`The tests need these programs; install them first: ${missing.join(' ')}`)
    process.exit(1)
  }
  console.log(`installing ${missing.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '-o', 'Dpkg::Options::=--force-confold', '--no-install-recommends', ...missing],
  ]) {
    const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env })
    if (status !== 0) process.exit(status ?? 1)
  }
}

/** Debian's package makes and starts a server of its own unless a setting forbids it. */
function withoutMainCluster(): void {
  const folder = '/etc/postgresql-common'
  if (existsSync(`${folder}/createcluster.conf`)) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/createcluster.conf`, 'create_main_cluster = false\n')
}

/** Returns the processes that have the mark of this run of the suite in their environment. */
function leftovers(mark: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return []
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200)}`]
      } catch {
        return []
      }
    })
}

install()
if (process.env.MILLRACE_TEST_FULL) for (const folder of ['e2e/pm2', 'e2e/runtimes']) installBeside(folder)
execFileSync(process.execPath, ['scripts/console/build.ts'], { stdio: 'inherit' })
// Makes the bundle that many servers would otherwise make at the same time.
spawnSync(process.execPath, ['packages/server/bin/millrace.js', '--version'], { stdio: 'ignore' })
const mark = `MILLRACE_TEST_MARK=${randomUUID()}`
const [name, value] = mark.split('=') as [string, string]
const { status } = spawnSync('npx', ['--no-install', 'vitest', 'run', ...process.argv.slice(2)], {
  stdio: 'inherit',
  // The suite starts servers and commands hundreds of times. Compiling the same modules was a third of that.
  env: { NODE_COMPILE_CACHE: resolve('node_modules/.cache/compiled'), ...process.env, [name]: value },
})
const left = leftovers(mark)
if (left.length > 0) console.error(`Processes left behind by the tests:\n${left.join('\n')}`)
process.exit(status !== 0 ? (status ?? 1) : left.length > 0 ? 1 : 0)
