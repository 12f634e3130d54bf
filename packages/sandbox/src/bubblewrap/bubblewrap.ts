/**
 * Starts programs inside bubblewrap.
 *
 * Owns: the stand-ins for protected paths and the small files copied into each run. A run's share of both is
 * released when none of its processes is left.
 * Invariants: it is called on the main thread, because `--die-with-parent` refers to the thread that spawned.
 * bubblewrap, and the programs that start it, inherit the child's environment and never the server's: bubblewrap's
 * own first process stays visible inside, with the environment it was started with, despite `--clearenv`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { MillraceError, messageOf } from '@millrace/protocol'
import type { DescriptorCover } from '#descriptors'
import { childEnvironment, splitEnvironment, withoutHidden } from '#environment'
import type { Authors } from '#git/author'
import { PrivateConfigs } from '#git/private-configs'
import { outsideRepository } from '#git/repository'
import type { CacheUse, ServerCaches } from '#homes/caches'
import type { CopiedFiles } from '#homes/copied-files'
import { checkHomeFiles, type HomeFile } from '#homes/home-files'
import type { HeldHome, ServerHomes } from '#homes/kept-homes'
import { accountFiles, identityFor } from '#identity'
import { LaunchReader, launchArguments, launcherPath, refuseTerminal } from '#launcher/launcher'
import { type LimitWatch, scratchOf } from '#limits'
import { takeSockets, wayOut } from '#network/way-out'
import { keep, RunningChild } from '#processes/child'
import { type OutputPipe, type OutputPipes, writersOf } from '#processes/output-pipes'
import { startTimeOf } from '#processes/processes'
import { containedTree } from '#processes/tree'
import { checkProgram } from '#program'
import type { Placeholders } from '#protect/placeholders'
import { protect } from '#protect/protect'
import type { Quarantine, QuarantineRun } from '#protect/quarantine'
import { resolveReadPaths } from '#read-paths'
import type { ProcessLimits, SandboxedCommand } from '#sandbox'
import { boundaryArguments, privateHome, scratchDirectories } from './mounts.ts'
import { workspaceVariables } from './outer-workspaces.ts'
import { BoundaryStatus } from './status.ts'
import { isSystemPath, type Toolchain } from './toolchain.ts'
import { viewOf } from './view.ts'

export interface BubblewrapParts {
  /** Absolute paths of programs. Null if not installed. */
  programs: { bwrap: string; setpriv: string | null; prlimit: string | null }
  system: readonly string[]
  toolchainFor(command: SandboxedCommand): Toolchain
  readPaths: readonly string[]
  /** See `SandboxOptions`. */
  certificates: readonly string[]
  dataDir: string
  /** Of the server's user. */
  home: string
  authors: Authors
  /** Variables that name the server's own proxy. */
  proxyEnv: NodeJS.ProcessEnv
  configFile: string | null
  projects: readonly { id: string; path: string }[]
  /** Null: none lasts. */
  caches: ServerCaches | null
  homes: ServerHomes
  placeholders: Placeholders
  quarantine: Quarantine
  files: CopiedFiles
  pipes: OutputPipes
  /** What the kernel refuses to runs, and to those that bring a sandbox of their own; null where there is none. */
  filters: { usual: Buffer; nested: Buffer } | null
  /** See `launcher.ts`. */
  launcher: Buffer | null
  descriptors: DescriptorCover
  watch: LimitWatch
}

const statusDescriptor = 3
const launchDescriptor = statusDescriptor + 1
const firstFile = launchDescriptor + 1

export async function spawnContained(
  parts: BubblewrapParts,
  command: SandboxedCommand,
): Promise<RunningChild> {
  const { projectPath, limits } = command
  const identity = identityFor(projectPath, parts.programs.setpriv)
  const outside = outsideRepository({ projectPath, user: identity, home: parts.home, dataDir: parts.dataDir })
  const protection = protect({
    projectPath,
    roots: parts.projects.map((project) => project.path),
    configFile: parts.configFile,
    outside,
    // Without the launcher nothing could change a copy.
    uid: parts.launcher === null ? -1 : identity.uid,
    isStandIn: (path) => parts.placeholders.isHeld(path),
    isWatched: (path) => parts.quarantine.isWatched(path),
  })
  if (parts.launcher === null) refuseTerminal(command)
  const way = wayOut(parts, command)
  const systemGitConfig = await parts.authors.configFor(projectPath, identity)
  const releaseStandIns = parts.placeholders.hold(protection.missing, identity)
  let running: RunningChild | null = null
  const configs = new PrivateConfigs((held) => command.onHeldBack?.(held))
  const { cacheOwner } = command
  let quarantined: QuarantineRun | undefined
  let cache: CacheUse | undefined
  let kept: HeldHome | undefined
  const release = () => {
    quarantined?.finish()
    releaseStandIns()
    way?.egress.close()
    cache?.release()
    kept?.release()
  }
  let child: ChildProcess
  try {
    quarantined = parts.quarantine.watch(command.runId, protection.watched, {
      taken: (taken) => command.onTakenAway?.(taken),
      insisted: () => running?.passed('protected'),
    })
    const { readPaths, dataDir } = parts
    const toolchain = parts.toolchainFor(command)
    const view = viewOf({
      projectPath,
      user: identity,
      protection,
      dataDir,
      readPaths: [...readPaths, ...parts.certificates],
      ownReadPaths: resolveReadPaths(command.readPaths, { user: identity, dataDir }),
      shown: toolchain.shown,
    })
    // What the run's user may not reach is not on its PATH, and no variable leads there.
    const path = toolchain.path.filter((directory) => !isAbsolute(directory) || view.visible(directory))
    checkProgram(command.argv[0], { cwd: command.cwd, path, visible: view.visible })
    if (cacheOwner !== undefined) cache = parts.caches?.use({ projectPath, owner: cacheOwner }, identity)
    const accounts = accountFiles(identity, privateHome)
    const givenHomeFiles = checkHomeFiles(command.homeFiles)
    const { keptHome } = command
    if (keptHome !== undefined) kept = await parts.homes.hold(keptHome, identity, givenHomeFiles)
    // A kept home has them already.
    const homeFiles = kept === undefined ? givenHomeFiles : []
    const copies = protection.copied.map((path) => ({ path, content: Buffer.from(configs.copy(path)) }))
    const generated = protection.generated.flatMap(({ path, files }) =>
      files.map((file) => ({ ...file, directory: path, path: join(path, file.name) })),
    )
    const files = parts.files.open([
      ['/etc/passwd', accounts.passwd],
      ['/etc/group', accounts.group],
      ['/etc/gitconfig', systemGitConfig],
      ...(parts.launcher === null ? [] : [[launcherPath, parts.launcher, 0o555] as const]),
    ])
    const filter = parts.filters?.[command.allowNestedSandbox ? 'nested' : 'usual']
    const filters = parts.files.open(filter === undefined ? [] : [['seccomp', filter]])
    const firstHomeFile = firstFile + files.length + filters.length
    const firstCopy = firstHomeFile + homeFiles.length
    const firstGenerated = firstCopy + copies.length
    const environment = splitEnvironment(
      childEnvironment(withoutHidden(command, parts.certificates, view.visible), {
        path,
        home: privateHome,
        proxy: way?.variables ?? {},
        temporary: '/tmp',
        toolchain: {
          ...workspaceVariables(projectPath, outside?.tree ?? null, join(privateHome, '.cache')),
          ...Object.fromEntries(
            Object.entries(toolchain.env).filter(([, directory]) => view.visible(directory)),
          ),
        },
      }),
    )
    const given = [...homeFiles, ...copies, ...generated]
    const listening = way === null ? null : { channel: firstHomeFile + given.length, ports: way.ports }
    const [program, ...args] = [
      ...identity.become,
      parts.programs.bwrap,
      ...boundaryArguments({
        system: parts.system,
        view,
        cwd: command.cwd,
        sharesNetwork: command.network === true,
        allowNestedSandbox: command.allowNestedSandbox,
        files: files.map(({ path, mode }, index) => [firstFile + index, path, mode] as const),
        homeFiles: homeFiles.map(({ path }, index) => [firstHomeFile + index, path] as const),
        home: kept?.path ?? null,
        caches: cache?.mounts ?? [],
        copies: copies.map(({ path }, index) => [firstCopy + index, path] as const),
        ownDirectories: protection.generated.map(({ path }) => ({
          path,
          files: generated.flatMap((file, index) =>
            file.directory === path ? [[firstGenerated + index, file.path, file.mode] as const] : [],
          ),
        })),
        filterDescriptor: filters.length > 0 ? firstFile + files.length : null,
        statusDescriptor,
        environment: environment.inside,
      }),
      ...processBackstop(limits, identity.uid, parts.programs.prlimit),
      ...(parts.launcher === null
        ? []
        : [launcherPath, ...launchArguments(launchDescriptor, command, copies.length > 0, listening)]),
      ...command.argv,
    ]
    const outputs = await parts.pipes.take(identity)
    const writers = writersOf(outputs)
    try {
      child = spawn(program ?? parts.programs.bwrap, args, {
        cwd: '/',
        env: environment.inherited,
        // Its own process group, so that Ctrl-C in the server's terminal reaches only the server.
        detached: true,
        stdio: parts.descriptors.around<'pipe' | 'ignore' | 'ipc' | number>([
          command.stdin === 'none' ? 'ignore' : 'pipe',
          ...writers.stdio,
          'pipe',
          'pipe',
          ...[...files, ...filters].map((file) => file.descriptor),
          ...given.map(() => 'pipe' as const),
          ...(way === null ? [] : ['ipc' as const]),
        ]),
      })
    } finally {
      for (const file of [...files, ...filters]) closeSync(file.descriptor)
      writers.handedOver()
    }
    // If descriptors run out, Node returns a child without pipes and emits the reason as an error.
    if (child.pid === undefined) {
      for (const { reader } of outputs ?? []) reader.destroy()
      const [error] = await once(child, 'error')
      throw new MillraceError('sandbox_unavailable', `bubblewrap could not be started: ${messageOf(error)}`)
    }
    if (way !== null) takeSockets(child, way)
    giveFiles(child.stdio.slice(firstHomeFile), given)
    running = await attach(child, outputs, command, parts, configs, release)
    return running
  } catch (error) {
    release()
    throw error
  }
}

/** Sends files through pipes: they may be secret, so they must not touch the disk. */
function giveFiles(
  pipes: readonly (Readable | Writable | null | undefined)[],
  files: readonly Pick<HomeFile, 'content'>[],
): void {
  for (const [index, { content }] of files.entries()) {
    const pipe = pipes[index]
    if (!isWritable(pipe)) throw new MillraceError('sandbox_unavailable', 'the sandbox returned no pipes')
    // The reader is gone if bubblewrap failed, and that failure is reported elsewhere.
    pipe.on('error', () => {})
    pipe.end(content, () => pipe.destroy())
  }
}

/** Waits until bubblewrap has reported the first process inside. */
async function attach(
  child: ChildProcess,
  outputs: readonly [OutputPipe, OutputPipe] | null,
  command: SandboxedCommand,
  parts: Pick<BubblewrapParts, 'watch' | 'launcher'>,
  configs: PrivateConfigs,
  release: () => void,
): Promise<RunningChild> {
  const [stdin, out, err, statusPipe, launchPipe] = child.stdio
  const stdout = outputs?.[0].reader ?? out
  const stderr = outputs?.[1].reader ?? err
  if (!isReadable(stdout) || !isReadable(stderr) || !isReadable(statusPipe) || !isReadable(launchPipe)) {
    throw new MillraceError('sandbox_unavailable', 'the sandbox returned no pipes')
  }
  const output = keep(outputs, { stdout, stderr })
  const pid = child.pid ?? 0
  // Before anything is awaited: once its end is heard of, /proc has forgotten it.
  const startTime = startTimeOf(pid)
  const launch = new LaunchReader(launchPipe, (directory, text) =>
    configs.changed(join(directory, 'config'), text),
  )
  const status = new BoundaryStatus(child, statusPipe, parts.launcher === null ? null : launch)
  const init = await status.began
  if (init === null) throw new MillraceError('sandbox_unavailable', await reason(output.stderr.kept))
  return new RunningChild({
    child,
    stdio: { stdin: isWritable(stdin) ? stdin : null, ...output },
    pid,
    startTime,
    tree: containedTree({ pid: init, startTime: startTimeOf(init) }),
    exitOf: async (code, signal, ended) => {
      const exit = await status.exitOf(code, signal, ended)
      await configs.finish()
      return exit
    },
    limits: withLauncher(command.limits, parts.launcher),
    // A kept home is on the disk.
    scratch: scratchOf(
      init,
      scratchDirectories.filter((directory) => command.keptHome === undefined || directory !== privateHome),
    ),
    watch: parts.watch,
    release,
  })
}

/** The launcher is a process of the run, but does not count towards the run's limit. */
function withLauncher(limits: ProcessLimits, launcher: Buffer | null): ProcessLimits {
  if (limits.processes === undefined || launcher === null) return limits
  return { ...limits, processes: limits.processes + 1 }
}

/**
 * Limits a fork bomb between two samples. The kernel counts threads, and does not count for root, so this is far
 * above the sampled limit itself.
 */
function processBackstop({ processes }: ProcessLimits, uid: number, prlimit: string | null): string[] {
  if (processes === undefined || uid === 0 || prlimit === null || !isSystemPath(prlimit)) return []
  return [prlimit, `--nproc=${processes * 16 + 64}`, '--']
}

async function reason(stderr: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stderr) if (text.length < 4096) text += String(chunk)
  const said = text.trim().split('\n').at(-1)
  return said ? `bubblewrap reported: ${said}` : 'bubblewrap exited immediately'
}

function isReadable(stream: Readable | Writable | null | undefined): stream is Readable {
  return stream instanceof Readable
}

function isWritable(stream: Readable | Writable | null | undefined): stream is Writable {
  return stream !== null && stream !== undefined && 'writable' in stream
}
