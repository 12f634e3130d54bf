/**
 * A Postgres server of its own for tests: a new data directory, a free port of the loopback interface, an unprivileged user
 * where the tests run as root, since the server refuses to be root. Its disk need not survive a power cut: `fsync` is off.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isAlive } from './processes.ts'

const prefix = 'millrace-postgres-'
/** So that tests that are killed leave no server. */
const endsWithThisProcess = existsSync('/usr/bin/setpriv')
  ? ['/usr/bin/setpriv', '--pdeathsig', 'INT', '--']
  : []

export interface PostgresServer {
  /** Of the database `postgres`, with every right and without a password. */
  url: string
  port: number
  /** Without a shutdown, as after a crash: what was committed is recovered by the next start. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** Debian keeps the server's programs out of the PATH, by version. */
export function postgresPrograms(): string | null {
  const versions = '/usr/lib/postgresql'
  const debian = existsSync(versions)
    ? readdirSync(versions)
        .sort((one, other) => Number(other) - Number(one))
        .map((version) => join(versions, version, 'bin'))
    : []
  const folders = [...debian, ...(process.env.PATH ?? '').split(':')]
  return (
    folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ??
    null
  )
}

interface PostgresOptions {
  /** With the server's own defaults for the disk, for measurements. */
  durable?: boolean
  /** A network namespace that it listens in, at this address; this machine reaches it by its Unix socket. */
  network?: { namespace: string; address: string }
}

/** Null: Postgres is not installed here. */
export async function startPostgres({
  durable = false,
  network,
}: PostgresOptions = {}): Promise<PostgresServer | null> {
  const programs = postgresPrograms()
  if (programs === null) return null
  const place = { ...(await newPlace(programs)), ...(network && { network }) }
  const initdb = ['--username', 'millrace', '--auth', 'trust', '--encoding', 'UTF8', '--no-sync']
  run(place, 'initdb', ['--pgdata', place.data, ...initdb])
  if (network !== undefined) appendFileSync(join(place.data, 'pg_hba.conf'), 'host all all samenet trust\n')
  return serve(place, durable)
}

/** A standby of a server, under a name that `synchronous_standby_names` may hold; it waits to be promoted. */
export async function startStandby(of: PostgresServer, name: string): Promise<PostgresServer> {
  const place = await newPlace(postgresPrograms() ?? '')
  const source = `host=127.0.0.1 port=${of.port} user=millrace application_name=${name}`
  run(place, 'pg_basebackup', [
    '--pgdata',
    place.data,
    '--dbname',
    source,
    '--write-recovery-conf',
    '--no-sync',
    '--checkpoint=fast',
  ])
  return serve(place, false)
}

/** Where a server lives, and as whom. */
interface Place {
  programs: string
  folder: string
  data: string
  port: number
  options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number }
  network?: { namespace: string; address: string }
}

async function newPlace(programs: string): Promise<Place> {
  removeLeftFolders()
  const folder = mkdtempSync(join(tmpdir(), prefix))
  writeFileSync(join(folder, 'owner'), String(process.pid))
  const as = process.getuid?.() === 0 ? unprivileged() : {}
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (as.uid !== undefined) for (const path of [folder, data]) chownSync(path, as.uid, as.gid ?? as.uid)
  const options = { ...as, cwd: folder, env: { ...process.env, LC_ALL: 'C', LC_MESSAGES: 'C' } }
  return { programs, folder, data, port: await freePort(), options }
}

/** Removes the folders of processes that are gone: tests that were killed could not do it. */
function removeLeftFolders(): void {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))) {
    const folder = join(tmpdir(), name)
    try {
      if (isAlive(Number(readFileSync(join(folder, 'owner'), 'utf8')))) continue
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // It is just being made or removed, or belongs to somebody else.
    }
  }
}

function run({ programs, options }: Place, program: string, args: string[]): void {
  execFileSync(join(programs, program), args, { ...options, stdio: ['ignore', 'ignore', 'inherit'] })
}

async function serve(place: Place, durable: boolean): Promise<PostgresServer> {
  const { programs, folder, port, network } = place
  const host = network === undefined ? '127.0.0.1' : folder
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    child = spawnServer(place, durable)
    const isReady = join(programs, 'pg_isready')
    for (let tries = 0; tries < 600; tries += 1) {
      if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`)
      try {
        execFileSync(isReady, ['-q', '-h', host, '-p', String(port)], { stdio: 'ignore' })
        return
      } catch {
        await wait(50)
      }
    }
    throw new Error('postgres did not start')
  }

  async function end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null) return
    const over = new Promise((done) => ending.once('exit', done))
    ending.kill(signal)
    await over
  }

  await start()
  return {
    url: `postgres://millrace@${encodeURIComponent(host)}:${port}/postgres`,
    port,
    start,
    kill: () => end('SIGQUIT'),
    async stop() {
      await end('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A namespace is entered by root alone, who then becomes the user of the server. */
function spawnServer(
  { programs, folder, data, port, options, network }: Place,
  durable: boolean,
): ChildProcess {
  const server = [join(programs, 'postgres'), '-D', data, '-p', String(port)]
  const flags = flagsFor(folder, network?.address ?? '127.0.0.1', durable)
  const { uid, gid, ...rest } = options
  if (network === undefined || uid === undefined) {
    const [program = '', ...args] = [...endsWithThisProcess, ...server, ...flags]
    return spawn(program, args, { ...options, stdio: 'ignore' })
  }
  const user = [
    'setpriv',
    '--reuid',
    String(uid),
    '--regid',
    String(gid ?? uid),
    '--clear-groups',
    '--pdeathsig',
    'INT',
  ]
  const args = ['netns', 'exec', network.namespace, ...user, ...server, ...flags]
  return spawn('ip', args, { ...rest, stdio: 'ignore' })
}

function flagsFor(folder: string, address: string, durable: boolean): string[] {
  const settings = {
    listen_addresses: address,
    unix_socket_directories: folder,
    fsync: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    max_connections: '300',
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    log_min_messages: 'panic',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

function unprivileged(): { uid?: number; gid?: number } {
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Statement that cuts the connections on which the nodes of one database, that of the search path, hear each other. */
export const cutListeners = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'millrace listener' AND starts_with(query,
    'LISTEN millrace_' || (SELECT replace(value, '-', '') FROM meta WHERE key = 'epoch'))`
