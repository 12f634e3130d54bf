/**
 * Starts programs without a boundary: the fallback.
 *
 * Even so, the environment contains only what is allowed, the run has its own home and temporary directory,
 * root becomes the project's owner, and the process tree ends with the run.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { MillraceError } from '@millrace/protocol'
import type { Toolchain } from '#bubblewrap/toolchain'
import { checkHomeFiles, writeHomeFiles } from '#homes/home-files'
import type { ServerHomes } from '#homes/kept-homes'
import type { OwnHomes } from '#homes/own-homes'
import { LaunchReader, launchArguments, launcherProgram, refuseTerminal } from '#launcher/launcher'
import { giveDirectory, giveFile } from '#ownership'
import { keep, RunningChild } from '#processes/child'
import { type OutputPipe, type OutputPipes, writersOf } from '#processes/output-pipes'
import { startTimeOf } from '#processes/processes'
import { looseTree } from '#processes/tree'
import type { DescriptorCover } from './descriptors.ts'
import { childEnvironment } from './environment.ts'
import { identityFor } from './identity.ts'
import type { LimitWatch } from './limits.ts'
import { checkProgram } from './program.ts'
import { resolveReadPaths } from './read-paths.ts'
import type { SandboxedCommand } from './sandbox.ts'

export interface UnsandboxedParts {
  setpriv: string | null
  homes: OwnHomes
  keptHomes: ServerHomes
  dataDir: string
  toolchainFor(command: SandboxedCommand): Toolchain
  watch: LimitWatch
  pipes: OutputPipes
  descriptors: DescriptorCover
}

export async function spawnUnsandboxed(
  parts: UnsandboxedParts,
  command: SandboxedCommand,
): Promise<RunningChild> {
  const { path, env: toolchain } = parts.toolchainFor(command)
  checkProgram(command.argv[0], { cwd: command.cwd, path, visible: () => true })
  const identity = identityFor(command.projectPath, parts.setpriv)
  resolveReadPaths(command.readPaths, { user: identity, dataDir: parts.dataDir })
  const homeFiles = checkHomeFiles(command.homeFiles)
  const kept =
    command.keptHome === undefined ? null : await parts.keptHomes.hold(command.keptHome, identity, homeFiles)
  const home = kept?.path ?? parts.homes.make()
  const release = () => (kept === null ? parts.homes.remove(home) : kept.release())
  try {
    const owner = identity.become.length > 0 ? identity : null
    if (kept !== null && command.terminal !== undefined)
      throw new MillraceError('invalid_request', 'a run with a terminal keeps no home')
    if (kept === null) writeHomeFiles(home, homeFiles, owner)
    const launch = command.terminal === undefined ? [] : placeLauncher(command, home, owner)
    // Last: until then, nobody else can enter the home and plant a link in it.
    if (owner !== null && kept === null) giveDirectory(home, owner)
    const [program, ...args] = [...identity.become, ...launch, ...command.argv]
    const outputs = await parts.pipes.take(identity)
    const writers = writersOf(outputs)
    let child: ChildProcess
    try {
      child = spawn(program ?? command.argv[0], args, {
        cwd: command.cwd,
        env: childEnvironment(command, { path, home, temporary: home, toolchain }),
        detached: true,
        stdio: parts.descriptors.around<'pipe' | 'ignore' | number>([
          command.stdin === 'none' ? 'ignore' : 'pipe',
          ...writers.stdio,
          ...(launch.length > 0 ? ['pipe' as const] : []),
        ]),
      })
    } finally {
      writers.handedOver()
    }
    try {
      await started(child)
    } catch (error) {
      for (const { reader } of outputs ?? []) reader.destroy()
      throw error
    }
    return attach(child, outputs, command, parts.watch, release)
  } catch (error) {
    release()
    throw error
  }
}

const launchDescriptor = 3

/** Puts the launcher into the home, which is the run's own, and returns how to call it. */
function placeLauncher(
  command: SandboxedCommand,
  home: string,
  owner: { uid: number; gid: number } | null,
): string[] {
  const launcher = process.platform === 'linux' ? launcherProgram() : null
  if (launcher === null) {
    refuseTerminal(command)
    return []
  }
  const path = join(home, '.millrace-launch')
  writeFileSync(path, launcher, { flag: 'wx', mode: 0o700 })
  if (owner !== null) giveFile(path, owner)
  return [path, ...launchArguments(launchDescriptor, command, false)]
}

function attach(
  child: ChildProcess,
  outputs: readonly [OutputPipe, OutputPipe] | null,
  command: SandboxedCommand,
  watch: LimitWatch,
  release: () => void,
): RunningChild {
  const { stdin } = child
  const launchPipe = child.stdio[launchDescriptor]
  const launched = launchPipe instanceof Readable ? new LaunchReader(launchPipe) : null
  const stdout = outputs?.[0].reader ?? child.stdout
  const stderr = outputs?.[1].reader ?? child.stderr
  if (stdout === null || stderr === null) {
    throw new MillraceError('internal', 'the program was started without pipes')
  }
  const pid = child.pid ?? 0
  const startTime = startTimeOf(pid)
  return new RunningChild({
    child,
    stdio: { stdin, ...keep(outputs, { stdout, stderr }) },
    pid,
    startTime,
    tree: looseTree({ pid, startTime }, command.runId, startTime !== 0),
    exitOf: async (code, signal) => {
      await launched?.closed
      const report = launched?.last()
      if (report?.kind === 'exit') return { code: report.code, signal: null }
      return report?.kind === 'signal' ? { code: null, signal: report.signal } : { code, signal }
    },
    limits: command.limits,
    scratch: () => [],
    watch,
    release,
  })
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve())
    child.once('error', (error) =>
      reject(new MillraceError('invalid_request', error.message, { cause: error })),
    )
  })
}
