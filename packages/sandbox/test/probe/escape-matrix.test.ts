/**
 * The same attempts to escape in every combination: a server of root and one of an ordinary user, a project of root and
 * one of an ordinary user, no network, the internet, and a list of destinations.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const child = fileURLToPath(new URL('../support/escape-child.ts', import.meta.url))
const workspace = new Workspace()
const canary = `canary-${randomUUID()}`
const outside = join(workspace.root, 'outside')
const abstractName = `millrace-matrix-${process.pid}`
const servers: Server[] = []
const visits = { open: 0, closed: 0, abstract: 0 }
let open: number
let closed: number

async function listen(visited: keyof typeof visits, at: number | string): Promise<number> {
  const server = createServer((socket) => {
    visits[visited] += 1
    socket.on('error', () => {}).end('there')
  })
  servers.push(server)
  await new Promise<void>((done) =>
    typeof at === 'string' ? server.listen(at, done) : server.listen(at, '127.0.0.1', done),
  )
  return (server.address() as AddressInfo | null)?.port ?? 0
}

beforeAll(async () => {
  open = await listen('open', 0)
  closed = await listen('closed', 0)
  await listen('abstract', `\0${abstractName}`)
  mkdirSync(outside)
  writeFileSync(join(outside, 'theirs'), canary)
  // Whoever may pass may read and write: the boundary alone keeps these.
  chmodSync(join(outside, 'theirs'), 0o666)
  chmodSync(outside, 0o777)
})
afterAll(async () => {
  for (const server of servers) server.close()
  await workspace.close()
})

/** Prints `escaped <how>` for each attempt that succeeds, `reached` for the service that is listed, and `the end`. */
function script(dataDir: string): string {
  return `
    try() { local how=$1; shift; "$@" >/dev/null 2>&1 && echo "escaped $how"; }
    reach() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2 && read -t 2 -r -N 5 -u 3 said; [ \\"\\$said\\" = there ]"; }
    for root in "" /proc/1/root /proc/self/root /proc/self/cwd/.. .. /proc/self/fd/3/..; do
      cat $root${outside}/theirs $root/outside/theirs $root${dataDir}/secret 2>/dev/null
    done
    cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep canary
    for folder in / /etc /usr /usr/bin /root /home /dev /proc/sys/kernel /sys ${outside} ${dataDir}; do
      echo x > $folder/escaped-${canary}
    done 2>/dev/null
    ln -s ${outside} link; echo x > link/escaped-${canary}; echo x >> link/theirs; rm -f link
    try "an outside process" kill -0 ${process.pid}
    try "a user namespace" unshare --user true
    try "a mount" mount -t tmpfs none /mnt
    try "an unmount" umount /tmp
    try "a device" mknod disk b 8 0
    try "a kernel setting" bash -c 'echo x > /proc/sys/kernel/core_pattern'
    try "a trace" head -c 1 /proc/1/mem
    try "another root" chroot / true
    try "set-uid by install" install -m 6755 /bin/true set-uid
    try "set-uid by python" python3 -c "import os; open('set-uid2','w').close(); os.chmod('set-uid2', 0o4755)"
    try "an abstract socket" python3 -c "import socket; s=socket.socket(socket.AF_UNIX); s.connect('\\0${abstractName}')"
    try "the port that is not listed" reach 127.0.0.1 ${closed}
    try "the same by another name" reach 0.0.0.0 ${closed}
    try "the metadata service" reach 169.254.169.254 80
    try "the way out to a service" bash -c 'NO_PROXY= no_proxy= curl -sf -m 3 http://127.0.0.1:${closed}/'
    reach 127.0.0.1 ${open} && echo reached
    id -u; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status
    rm -f disk set-uid set-uid2 2>/dev/null
    echo the end`
}

interface Attacked {
  project: string
  network: unknown
  stdout: string
}

async function attacked(user: { uid: number; gid: number } | null): Promise<Attacked[]> {
  const name = user === null ? 'ours' : 'ordinary'
  const dataDir = join(workspace.root, `data-of-${name}`)
  mkdirSync(dataDir, { mode: 0o700 })
  writeFileSync(join(dataDir, 'secret'), canary)
  if (user !== null) chownSync(dataDir, user.uid, user.gid)
  const projects = [workspace.project(`ours-of-${name}`), workspace.project(`theirs-of-${name}`, 'somebody')]
  const networks = [false, 'internet', [`127.0.0.1:${open}`]]
  const given = JSON.stringify({ dataDir, projects, networks, script: script(dataDir) })
  const { stdout } = await promisify(execFile)(process.execPath, [child, given], {
    env: { PATH: process.env.PATH, HOME: outside, MILLRACE_CANARY: canary },
    ...user,
  })
  const lines = stdout.trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

describe.each([
  ['the tests’ own user', null, true],
  ['an ordinary user', ordinaryUser, isRoot],
])('a server of %s', (_who, user, mayRun) => {
  it.runIf(mayRun)('holds every escape in each project with each network', { timeout: 120_000 }, async () => {
    const before = { ...visits }
    const all = await attacked(user)
    expect(all).toHaveLength(6)
    for (const { project, network, stdout } of all) {
      const where = `${project} ${JSON.stringify(network)}`
      const [reached, ...rest] = Array.isArray(network)
        ? stdout.trim().split('\n')
        : ['reached', ...stdout.trim().split('\n')]
      expect(reached, where).toBe('reached')
      // Root's project is root's; whatever else runs has the owner of its project, or the server's user.
      const theirs = isRoot && (user !== null || project.includes('theirs'))
      const uid = theirs ? ordinaryUser.uid : process.getuid?.()
      const held = [String(uid), 'CapEff:\t0000000000000000', 'NoNewPrivs:\t1', 'the end']
      expect(rest, where).toEqual(held)
    }
    const expected = { ...before, open: before.open + 2 }
    expect(visits).toEqual(expected)
    expect(readFileSync(join(outside, 'theirs'), 'utf8')).toBe(canary)
    expect(readdirSync(outside)).toEqual(['theirs'])
    for (const folder of ['/', '/etc', '/usr', '/usr/bin', '/root', '/home', '/dev'])
      expect(existsSync(join(folder, `escaped-${canary}`)), folder).toBe(false)
    for (const { project } of all)
      for (const name of readdirSync(project)) expect(lstatSync(join(project, name)).mode & 0o6000).toBe(0)
  })
})

it.runIf(isRoot)(
  'without a boundary the same attempts succeed, so that the tests above can fail',
  async () => {
    const cwd = workspace.project('unbounded', 'somebody')
    const { stdout } = await promisify(execFile)('bash', ['-c', script(workspace.dataDir)], {
      cwd,
      env: { PATH: process.env.PATH, MILLRACE_CANARY: canary },
      ...ordinaryUser,
    })
    expect(stdout.startsWith(canary)).toBe(true)
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        `MILLRACE_CANARY=${canary}`,
        'escaped set-uid by install',
        'escaped set-uid by python',
        'escaped an abstract socket',
        'escaped the port that is not listed',
        'escaped the same by another name',
        'reached',
      ]),
    )
    expect(readdirSync(outside)).toContain(`escaped-${canary}`)
    expect(readFileSync(join(outside, 'theirs'), 'utf8')).not.toBe(canary)
  },
)
