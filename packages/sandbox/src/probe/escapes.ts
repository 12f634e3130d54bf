/**
 * Runs inside a sandbox and tries to escape. It knows nothing of the sandbox: it does, harmlessly, what a
 * hostile program would do, and prints one line of JSON for each attempt.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'

/** The targets of the attempts. */
export interface Targets {
  /** Names of variables that a run may have. */
  variables: string[]
  dataFile: string
  home: string
  /** Names in the home that lead to something that runs may see on purpose. */
  homeNames: string[]
  /** A file outside the project that the probe tries to create. */
  outsideFile: string
  /** A port on the loopback interface where the server listens. */
  port: number
}

export interface Attempt {
  name: string
  held: boolean
  detail: string
}

if (process.argv[2] !== undefined) {
  const targets: Targets = JSON.parse(process.argv[2])
  report('server environment', environment(targets))
  report('data directory', reading(targets.dataFile))
  report('home', home(targets))
  report('writing outside the project', writing(targets))
  report('kernel settings', kernel())
  report('new user namespace', userNamespace())
  report('set-uid bit', setUid())
  leaveDaemon()
  report('network', await network(targets.port))
}

function report(name: string, attempt: Omit<Attempt, 'name'>): void {
  writeFileSync(1, `${JSON.stringify({ name, ...attempt })}\n`)
}

function environment({ variables }: Targets): Omit<Attempt, 'name'> {
  const allowed = new Set(variables)
  const found = new Set(Object.keys(process.env))
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try {
      for (const entry of readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')) {
        if (entry !== '') found.add(entry.slice(0, entry.indexOf('=')))
      }
    } catch {
      // We may not read it.
    }
  }
  const leaked = [...found].filter((name) => !allowed.has(name))
  return {
    held: leaked.length === 0,
    detail: leaked.length === 0 ? 'nothing leaked' : `visible: ${leaked.join(', ')}`,
  }
}

function reading(path: string): Omit<Attempt, 'name'> {
  return refused(() => readFileSync(path))
}

function home({ home, homeNames }: Targets): Omit<Attempt, 'name'> {
  try {
    const seen = readdirSync(home).filter((name) => !homeNames.includes(name))
    return {
      held: seen.length === 0,
      detail: seen.length === 0 ? 'nothing to see' : `${seen.length} entries visible`,
    }
  } catch (error) {
    return { held: true, detail: codeOf(error) }
  }
}

/** A success may have happened in a private directory. The caller looks for the file outside. */
function writing({ outsideFile }: Targets): Omit<Attempt, 'name'> {
  for (const path of [
    '/millrace-escape',
    '/usr/millrace-escape',
    '/etc/millrace-escape',
    '/dev/millrace-escape',
  ]) {
    const attempt = refused(() => writeFileSync(path, '', { flag: 'wx' }))
    if (!attempt.held) return { held: false, detail: `${path} was written` }
  }
  const attempt = refused(() => writeFileSync(outsideFile, 'escaped'))
  return { held: true, detail: attempt.detail }
}

/** Opens the files for writing and closes them again. Changes no value. */
function kernel(): Omit<Attempt, 'name'> {
  const settings = ['/proc/sys/kernel/core_pattern', '/proc/sys/vm/drop_caches', '/proc/sysrq-trigger']
  for (const path of settings) {
    const attempt = refused(() => closeSync(openSync(path, 'r+')))
    if (!attempt.held) return { held: false, detail: `${path} could be written` }
  }
  return { held: true, detail: 'not writable' }
}

function userNamespace(): Omit<Attempt, 'name'> {
  const ways: [string, string[]][] = [
    ['unshare', ['--user', 'true']],
    ['bwrap', ['--unshare-user', '--ro-bind', '/', '/', 'true']],
  ]
  let tried = 0
  for (const [program, args] of ways) {
    const { error, status } = spawnSync(program, args, { stdio: 'ignore' })
    if (error !== undefined) continue
    tried += 1
    if (status === 0) return { held: false, detail: `${program} created one` }
  }
  return { held: true, detail: tried > 0 ? 'refused' : 'no program to try it with' }
}

/** In the project: the host would see the file. */
function setUid(): Omit<Attempt, 'name'> {
  const path = `set-uid-${process.pid}`
  try {
    writeFileSync(path, '')
    const attempt = refused(() => chmodSync(path, 0o6755))
    return (statSync(path).mode & 0o6000) === 0 ? { held: true, detail: attempt.detail } : attempt
  } finally {
    rmSync(path, { force: true })
  }
}

function leaveDaemon(): void {
  spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref()
}

function network(port: number): Promise<Omit<Attempt, 'name'>> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2000 })
    const settle = (held: boolean, detail: string) => {
      socket.destroy()
      resolve({ held, detail })
    }
    socket.on('connect', () => settle(false, 'it reached the loopback interface of the host'))
    socket.on('timeout', () => settle(true, 'no answer'))
    socket.on('error', (error) => settle(true, codeOf(error)))
  })
}

function refused(attempt: () => unknown): Omit<Attempt, 'name'> {
  try {
    attempt()
    return { held: false, detail: 'succeeded' }
  } catch (error) {
    return { held: true, detail: codeOf(error) }
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error)
}
