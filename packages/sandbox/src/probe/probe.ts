/**
 * Tests whether the boundary holds by trying to break out of it. Runs a program that attempts escapes
 * (`escapes.ts`) in a scratch project, and checks the results from outside.
 */
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { giveDirectory } from '#ownership'
import { barrierTo, isWithin } from '#paths'
import { carriersOf, runIdVariable } from '#processes/processes'
import type { SandboxedCommand, SandboxedProcess } from '#sandbox'
import type { Attempt, Targets } from './escapes.ts'

export interface ProbeOptions {
  spawn(command: SandboxedCommand): Promise<SandboxedProcess>
  /** Owner of the scratch project. */
  owner: { uid: number; gid: number }
  node: string
  home: string
  dataDir: string
  /** Paths outside the project that runs may see on purpose. */
  shown: readonly string[]
  /** Names of variables that every run has besides the usual ones. */
  variables: readonly string[]
}

const script = import.meta.url.endsWith('.ts') ? 'escapes.ts' : 'escapes.js'
/** It takes a tenth of a second, and on a machine with hundreds of busy processes many times as long. */
const timeLimitMs = 60_000

/** Returns one check for each attempted escape. Throws if the attempts could not be made at all. */
export async function probe(options: ProbeOptions): Promise<Attempt[]> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-probe-')))
  const dataFile = join(options.dataDir, `probe-${randomUUID()}`)
  const listener = createServer((socket) => socket.destroy())
  try {
    const project = join(directory, 'project')
    const outside = join(directory, 'outside')
    for (const path of [project, outside]) mkdirSync(path)
    // Open to everyone, so that only the boundary prevents access.
    chmodSync(directory, 0o755)
    chmodSync(outside, 0o777)
    writeFileSync(dataFile, 'secret', { mode: 0o644 })
    writeFileSync(join(project, script), readFileSync(fileURLToPath(new URL(script, import.meta.url))), {
      mode: 0o644,
    })
    const node = nodeFor(options, project)
    if (process.getuid?.() === 0) giveDirectory(project, options.owner)
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(0, '127.0.0.1', resolve)
    })
    const address = listener.address()
    const targets: Targets = {
      variables: [
        ...options.variables,
        'PATH',
        'HOME',
        'TMPDIR',
        'LANG',
        'LC_ALL',
        'TERM',
        runIdVariable,
        'PWD',
        'OLDPWD',
        'SHLVL',
        '_',
      ],
      dataFile,
      home: options.home,
      homeNames: options.shown
        .filter((path) => isWithin(options.home, path))
        .map((path) => relative(options.home, path).split(sep)[0] ?? ''),
      outsideFile: join(outside, 'escaped'),
      port: address !== null && typeof address === 'object' ? address.port : 0,
    }
    const runId = randomUUID()
    const attempts = await attempt({ ...options, node }, project, runId, targets)
    const escaped = existsSync(targets.outsideFile)
    const left = carriersOf(new Set([runId])).length
    return [
      ...attempts.map((found) =>
        found.name === 'writing outside the project' && escaped
          ? { ...found, held: false, detail: 'a file beside the project was written' }
          : found,
      ),
      {
        name: 'leaving a daemon behind',
        held: left === 0,
        detail: left === 0 ? 'ended with the run' : `${left} processes outlived the run`,
      },
    ]
  } finally {
    listener.close()
    rmSync(dataFile, { force: true })
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Returns a Node that the owner can start. Root's server may be installed below /root, which the owners of other projects
 * may not enter; their boundary must be tested anyway.
 */
function nodeFor({ node, owner }: ProbeOptions, project: string): string {
  if (barrierTo(node, owner.uid, owner.gid) === null) return node
  const copy = join(project, 'node')
  copyFileSync(node, copy, constants.COPYFILE_FICLONE)
  chmodSync(copy, 0o755)
  return copy
}

async function attempt(
  options: ProbeOptions,
  project: string,
  runId: string,
  targets: Targets,
): Promise<Attempt[]> {
  const process = await options.spawn({
    runId,
    argv: [options.node, join(project, script), JSON.stringify(targets)],
    cwd: project,
    env: {},
    projectPath: project,
    network: false,
    allowNestedSandbox: false,
    limits: {},
  })
  const timer = setTimeout(() => void process.end(0), timeLimitMs)
  try {
    process.stdin.end()
    const [stdout, stderr, exit] = await Promise.all([
      textOf(process.stdout),
      textOf(process.stderr),
      process.exited,
    ])
    if (exit.code !== 0)
      throw new Error(lastLine(stderr) || `the probe ended with ${exit.code ?? exit.signal}`)
    return stdout
      .trim()
      .split('\n')
      .map((line): Attempt => JSON.parse(line))
  } finally {
    clearTimeout(timer)
    await process.end(0)
  }
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
