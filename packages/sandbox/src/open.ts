/**
 * Opens the sandbox: finds the programs, probes the boundary, and reports what really separates runs from the
 * machine.
 *
 * Owns: everything the sandbox sets up (stand-ins, private homes, the watch over limits), until `close()`.
 */
import { execFile } from 'node:child_process'
import { realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MillraceError, messageOf } from '@millrace/protocol'
import { type BubblewrapParts, spawnContained } from '#bubblewrap/bubblewrap'
import { withHome } from '#bubblewrap/home-toolchains'
import { defaultSizes, type ScratchSizes, systemArguments } from '#bubblewrap/mounts'
import { findToolchain, type Toolchain, toolchainOf, withEnvironments } from '#bubblewrap/toolchain'
import { type Disk, DiskGuard, diskOf } from '#disk-guard'
import { Authors } from '#git/author'
import { ServerCaches } from '#homes/caches'
import { CopiedFiles } from '#homes/copied-files'
import { ServerHomes } from '#homes/kept-homes'
import { homePrefixOf, OwnHomes } from '#homes/own-homes'
import { launcherProgram } from '#launcher/launcher'
import { probe } from '#probe/probe'
import { OutputPipes } from '#processes/output-pipes'
import { Placeholders } from '#protect/placeholders'
import { Quarantine, type TakenAway } from '#protect/quarantine'
import { seccompFilter } from '#seccomp/filter'
import { DescriptorCover } from './descriptors.ts'
import { identityFor } from './identity.ts'
import { LimitWatch } from './limits.ts'
import { isWithin, realPath } from './paths.ts'
import { findProgram } from './program.ts'
import type { OpenSandbox, Sandbox, SandboxedCommand, SandboxReport } from './sandbox.ts'
import { spawnUnsandboxed } from './unsandboxed.ts'

export interface SandboxOptions {
  /** `auto` falls back with a warning, `required` refuses to start, `off` uses no boundary. */
  mode: 'auto' | 'required' | 'off'
  /** Refuse runs in projects where they would be root: `required` then means a boundary around an ordinary user. */
  refuseRoot?: boolean
  /** Absolute paths that every run may read, besides the system's programs. */
  readPaths: readonly string[]
  /** Certificates named by variables of runs. Readable like `readPaths`, with links resolved. */
  certificates?: readonly string[]
  /** Must exist. Only the server may read it. */
  dataDir: string
  configFile: string | null
  /** Caches of tools that last. `othersDirectory`: for users other than the server's. Absent: none does. */
  cache?: { bytesMax: number; othersDirectory?: string } | undefined
  /** Where homes are kept of runs that have another user than the server. Default: in /var/lib. */
  keptHomesOfOthers?: string
  /** That a run must not fill. Default: the one with the data directory. */
  disk?: Disk
  /** Of the in-memory directories of runs. */
  sizes?: ScratchSizes | undefined
  /** Of the server: its PATH and home, and where its toolchains lie. Default: that of this process. */
  serverEnv?: NodeJS.ProcessEnv
  projects: readonly { id: string; path: string }[]
}

const oldestBubblewrap = [0, 8]
const installHint = 'install bubblewrap 0.8 or newer (Debian, Ubuntu: apt install bubblewrap)'

/** Throws `sandbox_unavailable` if `mode` is `required` and no boundary holds. */
export async function openSandbox(options: SandboxOptions): Promise<OpenSandbox> {
  const dataDir = realpathSync(options.dataDir)
  const placeholders = new Placeholders(join(dataDir, 'placeholders.json'))
  placeholders.recover()
  const quarantine = new Quarantine(dataDir)
  const abandoned = quarantine.recover()
  const homes = new OwnHomes(homePrefixOf(dataDir))
  homes.recover()
  const keptHomes = new ServerHomes(dataDir, options.keptHomesOfOthers)
  const { cache } = options
  const caches = cache === undefined ? null : new ServerCaches(dataDir, cache.bytesMax, cache.othersDirectory)
  const watch = new LimitWatch(new DiskGuard(options.disk ?? diskOf(dataDir)))
  const descriptors = new DescriptorCover()
  const pipes = new OutputPipes(findProgram('mkfifo'))
  const close = async () => {
    placeholders.close()
    homes.close()
    await caches?.close()
    descriptors.close()
    pipes.close()
  }
  const env = options.serverEnv ?? process.env
  const home = realPath(env.HOME || homedir()) ?? homedir()
  const readPaths = options.readPaths.flatMap((path) => realPath(withHome(path, home)) ?? [])
  const findable = {
    node: process.execPath,
    path: env.PATH ?? '',
    home,
    dataDir,
    projects: options.projects.map((project) => project.path),
    readPaths,
    env,
  }
  const toolchain = findToolchain(findable)
  const toolchainFor = ({ env, projectPath }: SandboxedCommand): Toolchain =>
    withEnvironments(
      env.PATH === undefined ? toolchain : toolchainOf(env.PATH, projectPath, toolchain, findable),
      [projectPath],
      findable,
    )
  const path = { directories: toolchain.path, leftOut: toolchain.leftOut }
  const setpriv = findProgram('setpriv')
  const plain: Sandbox['spawn'] = async (command) => {
    refuseSwapped(command)
    const unsandboxed = { setpriv, homes, keptHomes, dataDir, toolchainFor, watch, pipes, descriptors }
    return spawnUnsandboxed(unsandboxed, command)
  }
  const fallback = (warnings: string[], checks: SandboxReport['checks'] = []): OpenSandbox => ({
    report: { boundary: 'none', warnings, checks, path },
    homes: keptHomes,
    quarantine,
    spawn: plain,
    close,
  })
  if (options.mode === 'off')
    return fallback(['The sandbox is switched off: runs can do whatever this server can.'])

  const unavailable = (reason: string, checks?: SandboxReport['checks']): OpenSandbox => {
    if (options.mode === 'required') {
      descriptors.close()
      throw new MillraceError('sandbox_unavailable', `The sandbox is required and does not work: ${reason}`)
    }
    return fallback([`THERE IS NO SANDBOX, and runs can do whatever this server can: ${reason}.`], checks)
  }
  const bwrap = findProgram('bwrap')
  if (bwrap === null) return unavailable(`bubblewrap was not found; ${installHint}`)
  const version = await versionOf(bwrap)
  if (!isNewEnough(version))
    return unavailable(
      `bubblewrap has ${version === null ? 'an unknown version' : `version ${version}`}; ${installHint}`,
    )

  const roots = options.projects.filter(({ path }) => isRootIn(path, setpriv))
  if (options.refuseRoot === true && roots[0] !== undefined) {
    await close()
    throw rootRefused(roots.map(({ path }) => path).join(', '))
  }
  const parts: BubblewrapParts = {
    programs: { bwrap, setpriv, prlimit: findProgram('prlimit') },
    system: systemArguments(options.sizes ?? defaultSizes),
    caches,
    homes: keptHomes,
    toolchainFor,
    readPaths,
    certificates: options.certificates ?? [],
    dataDir,
    home,
    proxyEnv: env,
    authors: new Authors(findProgram('git'), home),
    configFile: options.configFile === null ? null : realPath(options.configFile),
    projects: options.projects,
    placeholders,
    quarantine,
    files: new CopiedFiles(dataDir),
    pipes,
    launcher: launcherProgram(),
    filters: filtersOf(),
    descriptors,
    watch,
  }
  const spawn = async (command: SandboxedCommand) => {
    refuseSwapped(command)
    // The owner may have changed since the start.
    if (options.refuseRoot === true && isRootIn(command.projectPath, setpriv))
      throw rootRefused(command.projectPath)
    return spawnContained(parts, command)
  }
  const checks: SandboxReport['checks'] = []
  try {
    const shown = [...toolchain.shown, ...parts.readPaths, ...parts.certificates]
    const variables = Object.keys(toolchain.env)
    const probes = ownersOf(options.projects, setpriv).map(async (owner) => {
      const found = await probe({ spawn, owner, node: process.execPath, home, dataDir, shown, variables })
      // Where there is no filter a warning says so; the rest of the boundary holds without it.
      const judged = found.filter((check) => parts.filters !== null || check.name !== 'set-uid bit')
      return judged.map((check) => ({ ...check, name: `${check.name} (as uid ${owner.uid})` }))
    })
    // None is left running when another has failed.
    await Promise.allSettled(probes)
    checks.push(...(await Promise.all(probes)).flat())
  } catch (error) {
    refuseShortage(error)
    return unavailable(
      `bubblewrap does not work here (${messageOf(error)}); ${installHint}, and allow user namespaces`,
    )
  }
  const broken = checks.filter((check) => !check.held)
  if (broken.length > 0) {
    const list = broken.map((check) => `${check.name}: ${check.detail}`).join('; ')
    return unavailable(`the boundary did not stop attempted escapes (${list})`, checks)
  }
  return {
    report: {
      boundary: 'bubblewrap',
      warnings: [
        ...(parts.filters === null ? [noFilter] : []),
        ...abandoned.map(takenWarning),
        ...warningsOf(options, setpriv, home),
      ],
      checks,
      path,
    },
    homes: keptHomes,
    quarantine,
    spawn,
    close,
  }
}

/**
 * Refuses a project that was replaced by a link, or that has one above it: the target of the link would be mounted. A
 * run in an enclosing project may have put it there.
 */
function refuseSwapped({ projectPath, cwd }: SandboxedCommand): void {
  if (realPath(projectPath) !== projectPath) {
    throw new MillraceError('invalid_request', 'The directory of the project was moved or replaced')
  }
  const real = realPath(cwd)
  if (real === null || !isWithin(projectPath, real)) {
    throw new MillraceError('invalid_request', 'The working directory is not inside the project')
  }
}

const noFilter = `There is no filter of system calls for ${process.arch}: a run may leave set-uid files in its project.`

function filtersOf(): BubblewrapParts['filters'] {
  const [usual, nested] = [seccompFilter({ mayMount: false }), seccompFilter({ mayMount: true })]
  return usual === null || nested === null ? null : { usual, nested }
}

/** Returns the users that runs will have. Each distinct user is probed once. */
function ownersOf(
  projects: SandboxOptions['projects'],
  setpriv: string | null,
): { uid: number; gid: number }[] {
  const found = new Map<number, { uid: number; gid: number }>()
  for (const { path } of projects) {
    const { uid, gid } = identityFor(path, setpriv)
    found.set(uid, { uid, gid })
  }
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  return found.size === 0 ? [own] : [...found.values()]
}

function isRootIn(path: string, setpriv: string | null): boolean {
  return identityFor(path, setpriv).uid === 0
}

function rootRefused(paths: string): MillraceError {
  return new MillraceError(
    'sandbox_unavailable',
    `The sandbox is required, but runs in ${paths} would run as root, because root owns it (or setpriv is missing): give it to an ordinary user (chown -R), or set "sandbox.rootProjects" to allow this`,
  )
}

function takenWarning({ path, keptAt }: TakenAway): string {
  if (keptAt === path)
    return `A run of an earlier server created ${path}, which other programs would load, and it could not be moved away. Remove it.`
  return `A run of an earlier server created ${path}, which other programs would load. It is now at ${keptAt}.`
}

function warningsOf(options: SandboxOptions, setpriv: string | null, home: string): string[] {
  const warnings: string[] = []
  const program = fileURLToPath(import.meta.url)
  for (const { id, path } of options.projects) {
    if (isRootIn(path, setpriv)) {
      const reason =
        statSync(path).uid === 0 ? 'belongs to root' : 'is used as root, because setpriv was not found'
      warnings.push(
        `The project ${id} ${reason}: its runs are root without capabilities, a weaker boundary than an ordinary owner's.`,
      )
    }
    if (isWithin(path, home))
      warnings.push(`The project ${id} contains the home directory: its runs can read everything in it.`)
    if (isWithin(path, program)) {
      warnings.push(
        `The project ${id} contains this server's own program: its runs can change what the next start executes.`,
      )
    }
  }
  return warnings
}

async function versionOf(bwrap: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(bwrap, ['--version'], { env: {} })
    return /([0-9]+(?:\.[0-9]+)+)/.exec(stdout)?.[1] ?? null
  } catch (error) {
    refuseShortage(error)
    return null
  }
}

/**
 * Throws where an attempt failed for want of files, processes, memory or space: that says nothing about the sandbox, and a
 * server that took it for a missing one would run everything without.
 */
function refuseShortage(error: unknown): void {
  const texts: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    texts.push(at.message, String((at as NodeJS.ErrnoException).code ?? ''))
  }
  const found = shortages.find(({ sign }) => texts.some((text) => sign.test(text)))
  if (found === undefined) return
  throw new MillraceError(
    'sandbox_unavailable',
    `The sandbox could not be tested: ${found.lack} (${messageOf(error)}). ${found.advice ?? 'Raise the limit'} and start again`,
    { cause: error },
  )
}

const shortages: readonly { sign: RegExp; lack: string; advice?: string }[] = [
  { sign: /EMFILE|ENFILE|too many open files/i, lack: 'this process may open no more files' },
  { sign: /EAGAIN|resource temporarily unavailable/i, lack: 'no more processes may be started' },
  // A descriptor that the server inherited cannot be covered in a child where its number is above the limit.
  { sign: /spawn EINVAL/, lack: 'it inherited an open file whose number is above its limit of open files' },
  { sign: /ENOSPC|EDQUOT|no space left/i, lack: 'the disk for temporary files is full', advice: 'Make room' },
  { sign: /ENOMEM|cannot allocate memory/i, lack: 'there is not enough memory' },
]

function isNewEnough(version: string | null): boolean {
  if (version === null) return false
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = oldestBubblewrap
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}
