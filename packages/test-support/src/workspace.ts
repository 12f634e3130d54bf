/** A scratch place for one test file: a data directory, projects, and a sandbox over them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  carriersOf,
  type OpenSandbox,
  openSandbox,
  type ProcessExit,
  type Sandbox,
  type SandboxedProcess,
} from '@millrace/sandbox'

type SandboxOptions = Parameters<typeof openSandbox>[0]
type SandboxedCommand = Parameters<Sandbox['spawn']>[0]

export const isRoot = process.getuid?.() === 0
/** Some user that is not root; only root can make a project theirs. */
export const ordinaryUser = { uid: 12_345, gid: 12_345 }

export interface Ran {
  stdout: string
  stderr: string
  exit: ProcessExit
}

export class Workspace {
  readonly root: string
  readonly dataDir: string
  readonly #sandboxes: Sandbox[] = []
  readonly #runIds = new Set<string>()

  constructor() {
    // Not in /tmp, which is a run's own inside: there a write outside the project would go nowhere
    // instead of being refused.
    const parent = existsSync('/var/tmp') ? '/var/tmp' : tmpdir()
    this.root = realpathSync(mkdtempSync(join(parent, 'millrace-test-')))
    // Passable for another user, as the directories above a project are.
    chmodSync(this.root, 0o755)
    this.dataDir = join(this.root, 'data')
    mkdirSync(this.dataDir, { mode: 0o700 })
  }

  project(name: string, owner: 'us' | 'somebody' = 'us'): string {
    const path = join(this.root, name)
    mkdirSync(path, { recursive: true })
    if (owner === 'somebody' && isRoot) chownSync(path, ordinaryUser.uid, ordinaryUser.gid)
    return path
  }

  async open(projects: readonly string[], options: Partial<SandboxOptions> = {}): Promise<OpenSandbox> {
    const sandbox = await openSandbox({
      mode: 'required',
      readPaths: [],
      dataDir: this.dataDir,
      configFile: null,
      serverEnv: withoutHome(process.env),
      keptHomesOfOthers: join(this.root, 'homes'),
      projects: projects.map((path, index) => ({ id: `p${index}`, path })),
      ...options,
    })
    this.#sandboxes.push(sandbox)
    return sandbox
  }

  spawn(
    sandbox: Sandbox,
    projectPath: string,
    argv: readonly [string, ...string[]],
    options: Partial<SandboxedCommand> = {},
  ): Promise<SandboxedProcess> {
    const runId = options.runId ?? randomUUID()
    this.#runIds.add(runId)
    return sandbox.spawn({
      argv,
      cwd: projectPath,
      env: {},
      projectPath,
      network: false,
      allowNestedSandbox: false,
      limits: {},
      ...options,
      runId,
    })
  }

  /** Runs a shell script to its end. */
  async sh(
    sandbox: Sandbox,
    projectPath: string,
    script: string,
    options: Partial<SandboxedCommand> = {},
  ): Promise<Ran> {
    return finish(await this.spawn(sandbox, projectPath, ['sh', '-c', script], options))
  }

  /** Fails when a process or a file of a run is left; removes everything. */
  async close(): Promise<void> {
    for (const sandbox of this.#sandboxes) await sandbox.close()
    const left = carriersOf(this.#runIds)
    const files = readdirSync(this.dataDir).filter((name) => /^(placeholders|probe)/.test(name))
    // Some tests leave directories that their own user may not change; root may.
    if (process.getuid?.() !== 0) spawnSync('chmod', ['-R', 'u+rwX', this.root])
    rmSync(this.root, { recursive: true, force: true })
    if (left.length > 0) throw new Error(`processes were left: ${left.join(', ')}`)
    if (files.length > 0) throw new Error(`files were left in the data directory: ${files.join(', ')}`)
  }
}

/** Without what this machine has installed in the home, so that tests see the same everywhere. */
function withoutHome({ PATH = '' }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const directories = PATH.split(':').filter((directory) => !directory.startsWith(homedir()))
  return { HOME: homedir(), PATH: directories.join(':') }
}

export async function finish(child: SandboxedProcess): Promise<Ran> {
  child.stdin.end()
  const [stdout, stderr, exit] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.exited])
  await child.end(0)
  return { stdout, stderr, exit }
}

export async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

export function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org', '-c', 'safe.directory=*']
  return execFileSync('git', [...identity, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
