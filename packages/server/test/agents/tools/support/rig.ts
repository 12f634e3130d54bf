/** Calls the tools of executions in a real sandbox, in a project that belongs to somebody else where that is possible. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { carriersOf, type ProcessLimits, type Sandbox } from '@millrace/sandbox'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, expect } from 'vitest'
import type { AgentTool, ToolContext, ToolResult } from '#agents/tools/tool'
import { agentTools } from '#agents/tools/tools'

export interface Called extends ToolResult {
  /** Its live output. */
  live: string[]
}

export interface CallOptions {
  sandbox?: Sandbox
  signal?: AbortSignal
  cwd?: string
  environment?: Record<string, string>
  limits?: ProcessLimits
  runId?: string
  cacheOwner?: string | undefined
  tools?: readonly AgentTool[]
  onOutput?(text: string): void
}

/** Opens a project for the file; no process and no file is left after its tests. */
export function openTools(owner: 'us' | 'somebody' = 'somebody') {
  const workspace = new Workspace()
  const project = workspace.project('project', owner)
  const usual = agentTools()
  let sandbox: Sandbox | undefined
  let loose: Sandbox | undefined
  beforeAll(async () => {
    sandbox = await workspace.open([project])
    loose = await workspace.open([project], { mode: 'off' })
  })
  afterAll(() => workspace.close())
  const opened = (one: Sandbox | undefined): Sandbox => {
    if (one === undefined) throw new Error('the sandbox is not open yet')
    return one
  }

  function contextOf(options: CallOptions): ToolContext {
    return {
      runId: options.runId ?? randomUUID(),
      sandbox: options.sandbox ?? opened(sandbox),
      projectPath: project,
      cwd: options.cwd ?? project,
      environment: options.environment ?? {},
      limits: options.limits ?? {},
      cacheOwner: options.cacheOwner,
      signal: options.signal ?? new AbortController().signal,
      recordProcess: async () => {},
    }
  }

  async function call(name: AgentTool['name'], input: object, options: CallOptions = {}): Promise<Called> {
    const tool = (options.tools ?? usual).find((one) => one.name === name)
    if (tool === undefined) throw new Error(`there is no tool ${name}`)
    const context = contextOf(options)
    const running = tool.run(input, context)
    const live: string[] = []
    let next = await running.next()
    for (; next.done !== true; next = await running.next()) {
      live.push(next.value)
      options.onOutput?.(next.value)
    }
    expect(carriersOf(new Set([context.runId])), 'processes that are left').toEqual([])
    return { ...next.value, live }
  }

  const { file, link, pipe, give } = filesOf(project, owner)
  return {
    workspace,
    project,
    call,
    file,
    link,
    pipe,
    give,
    get sandbox(): Sandbox {
      return opened(sandbox)
    },
    /** Without a boundary. */
    get loose(): Sandbox {
      return opened(loose)
    },
  }
}

/** Creates what lies in a project, for its owner. */
export function filesOf(project: string, owner: 'us' | 'somebody') {
  const isGiven = owner === 'somebody' && isRoot
  const give = (path: string) => {
    if (isGiven) lchownSync(path, ordinaryUser.uid, ordinaryUser.gid)
  }
  function makeDirectory(path: string): void {
    const first = mkdirSync(path, { recursive: true })
    if (first === undefined) return
    for (let at = path; at.length >= first.length; at = dirname(at)) give(at)
  }
  /** Creates a file of the project's owner, or replaces one. */
  function file(path: string, content: string | Buffer, mode = 0o644): string {
    const absolute = join(project, path)
    makeDirectory(dirname(absolute))
    // One that is there may be read-only.
    rmSync(absolute, { force: true })
    writeFileSync(absolute, content)
    chmodSync(absolute, mode)
    give(absolute)
    return absolute
  }
  /** Creates a link of the project's owner, or replaces one. */
  function link(target: string, path: string): string {
    const absolute = join(project, path)
    rmSync(absolute, { force: true })
    symlinkSync(target, absolute)
    give(absolute)
    return absolute
  }
  function pipe(path: string): void {
    execFileSync('sh', ['-c', 'rm -f "$0"; mkfifo -m 666 "$0"', join(project, path)])
  }
  return { file, link, pipe, give }
}
