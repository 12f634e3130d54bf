import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { isRoot, ordinaryUser } from '@millrace/test-support/workspace'
import { describe, expect, it, onTestFinished } from 'vitest'
import { shellTool } from '#agents/tools/shell'
import { agentTools } from '#agents/tools/tools'
import { openTools } from './support/rig.ts'

const tools = openTools()
const { call, project } = tools
const shell = (command: string, more: object = {}) => call('shell', { command, ...more })

/** Starts children in every way that leaves a process group or a session. */
const stubborn =
  'trap "" TERM HUP; (setsid nohup sh -c "trap \'\' TERM; (sleep 300 &); sleep 300" >/dev/null 2>&1 &); env -i setsid sleep 300 & echo ready; sleep 300'

describe('the tool shell', () => {
  it('runs in the working directory, as the owner of the project', async () => {
    const { ok, text } = await shell('pwd; id -u; echo done > made')
    const uid = isRoot ? ordinaryUser.uid : process.getuid?.()
    expect({ ok, text }).toEqual({ ok: true, text: `${project}\n${uid}\n` })
    expect(readFileSync(join(project, 'made'), 'utf8')).toBe('done\n')
  })

  it('the caches of tools last from call to call, for the owner of the run alone', async () => {
    const othersDirectory = join(tools.workspace.root, 'caches')
    const cache = { bytesMax: 1_000_000, othersDirectory }
    const sandbox = await tools.workspace.open([project], { cache })
    const owned = (command: string, cacheOwner?: string) =>
      call('shell', { command }, { sandbox, cacheOwner })
    await owned('mkdir -p ~/.cache; echo kept > ~/.cache/thing; echo gone > ~/thing', 'ann')
    const look = 'cat ~/.cache/thing; ls ~/thing 2>/dev/null'
    expect((await owned(look, 'ann')).text).toMatch(/^kept\n/)
    expect((await owned(look)).text).not.toContain('kept')
    expect((await owned(look, 'bob')).text).not.toContain('kept')
  })

  it('a file that is taken out of the project is named in the result', async () => {
    const { ok, text } = await shell('echo "{}" > .mcp.json; echo made')
    expect(ok).toBe(true)
    expect(text).toMatch(/^made\n\[Millrace moved \.mcp\.json out of the project, because [^\n]*\]$/)
    expect(existsSync(join(project, '.mcp.json'))).toBe(false)
  })

  it('shows both outputs in the order they were printed', async () => {
    const { text } = await shell('for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done')
    expect(text).toBe([1, 2, 3, 4, 5].map((i) => `out ${i}\nerr ${i}\n`).join(''))
  })

  it('yields output while the command runs', async () => {
    const seen: string[] = []
    const { live } = await call(
      'shell',
      {
        command:
          'echo first; read -t 20 line < <(until [ -e go ]; do sleep 0.02; done; echo x); echo second; rm go',
      },
      {
        onOutput: (text) => {
          seen.push(text)
          if (seen.length === 1) tools.file('go', '')
        },
      },
    )
    expect(live.join('')).toBe('first\nsecond\n')
    expect(seen[0]).toBe('first\n')
  })

  it.each([
    [
      'an exit code',
      'exit 3',
      { exitCode: 3, signal: null },
      '(no output)\n[The command ended with exit code 3.]',
    ],
    [
      'a signal',
      'echo x; kill -KILL $$',
      { exitCode: null, signal: 'SIGKILL' },
      'x\n[The command was ended by SIGKILL.]',
    ],
    [
      'a program below the shell that a signal ended',
      'sh -c "kill -TERM \\$\\$"; exit $?',
      { exitCode: 143, signal: null },
      'as a shell reports a program that SIGTERM ended.]',
    ],
    ['a syntax error', 'echo (', { exitCode: 2 }, 'syntax error'],
    ['a program that does not exist', 'no-such-program', { exitCode: 127 }, 'command not found'],
  ])('tells %s', async (_what, command, details, text) => {
    const result = await shell(command)
    expect(result).toMatchObject({ ok: false, details: { timedOut: false, ...details } })
    expect(result.text).toContain(text)
  })

  it('ends a command at its time limit, and keeps what it printed', async () => {
    const { ok, text, details } = await shell(`${stubborn}`, { timeoutSeconds: 1 })
    expect({ ok, text }).toEqual({
      ok: false,
      text: 'ready\n[The call took longer than 1 second and was ended.]',
    })
    expect(details).toMatchObject({ timedOut: true })
  })

  it('ends everything the command started soon after an abort, also what ignores signals', async () => {
    const controller = new AbortController()
    let abortedAt = 0
    const { ok, text } = await call(
      'shell',
      { command: stubborn },
      {
        signal: controller.signal,
        onOutput: () => {
          abortedAt = performance.now()
          controller.abort()
        },
      },
    )
    // Measured: 1.0 s, the grace. A machine with much other work may take longer.
    expect(performance.now() - abortedAt).toBeLessThan(10_000)
    expect({ ok, text }).toEqual({ ok: false, text: 'ready\n[The call was ended before it had finished.]' })
  })

  it('ends everything on an abort while nobody reads its output', async () => {
    const controller = new AbortController()
    const shellTool = agentTools().find(({ name }) => name === 'shell')
    const running = shellTool?.run(
      { command: 'touch beats; while true; do echo x >> beats; echo y; sleep 0.02; done' },
      {
        runId: crypto.randomUUID(),
        sandbox: tools.sandbox,
        projectPath: project,
        cwd: project,
        environment: {},
        limits: {},
        signal: controller.signal,
        recordProcess: async () => {},
      },
    )
    await running?.next()
    controller.abort()
    const beats = () => readFileSync(join(project, 'beats'), 'utf8').length
    await expect
      .poll(async () => {
        const before = beats()
        await new Promise((resolve) => setTimeout(resolve, 200))
        return beats() - before
      })
      .toBe(0)
    await running?.return({ ok: false, text: '' })
  })

  it('does nothing where the run has ended already', async () => {
    const { ok } = await call('shell', { command: 'sleep 60' }, { signal: AbortSignal.abort() })
    expect(ok).toBe(false)
  })

  it('ends background processes with the command', async () => {
    expect((await shell('sleep 300 & setsid sleep 300 & echo left')).text).toBe('left\n')
  })

  it('leaves the middle of a long output out', async () => {
    const { text, live } = await shell('seq 1 200000')
    expect(text.length).toBeLessThan(30_100)
    expect(text).toMatch(/^1\n2\n[\s\S]*\n\[… \d+ characters left out …\]\n[\s\S]*\n200000\n$/)
    expect(live.join('').length).toBeLessThan(600_000)
  })

  it('takes output that is not UTF-8, and characters that are cut in two by a pipe', async () => {
    expect((await shell("printf '\\xff'; printf '\\xe2'; sleep 0.1; printf '\\x82\\xac'")).text).toBe(
      '\ufffd€',
    )
  })

  it('has an allow-listed environment: the run’s, and nothing of the server’s', async () => {
    process.env.MILLRACE_CANARY_TOKEN = 'canary-77aa'
    const { text } = await call(
      'shell',
      { command: 'env; cat /proc/*/environ' },
      {
        environment: { HTTP_PROXY: 'http://proxy:1', BASH_ENV: '/made-up', NODE_OPTIONS: '--made-up' },
        // Otherwise the proxy is the sandbox's own.
        tools: agentTools({ shellNetwork: true }),
      },
    )
    delete process.env.MILLRACE_CANARY_TOKEN
    expect(text).toContain('HTTP_PROXY=http://proxy:1')
    expect(text).not.toMatch(/canary|BASH_ENV|NODE_OPTIONS/)
  })

  it('starts where the run works', async () => {
    mkdirSync(join(project, 'below'), { recursive: true })
    expect((await call('shell', { command: 'pwd' }, { cwd: join(project, 'below') })).text).toBe(
      `${project}/below\n`,
    )
  })

  it('says that a limit was exceeded', async () => {
    const { ok, text } = await call(
      'shell',
      { command: 'for i in $(seq 40); do sleep 60 & done; wait' },
      { limits: { processes: 20 } },
    )
    expect(ok).toBe(false)
    expect(text).toContain('started more processes than a run may')
  })

  it('has no network where the configuration says so', async () => {
    const { text } = await call(
      'shell',
      { command: 'wc -l < /proc/net/dev' },
      { tools: agentTools({ shellNetwork: false }) },
    )
    expect(text).toBe('3\n')
  })

  it('reaches no service of this machine, unless the configuration says so', async () => {
    const service = createServer((_, response) => response.end('reached')).listen(0, '127.0.0.1')
    await once(service, 'listening')
    onTestFinished(() => void service.close())
    const { port } = service.address() as AddressInfo
    const ask = (options?: Parameters<typeof agentTools>[0]) =>
      call(
        'shell',
        { command: `curl -s http://127.0.0.1:${port} --noproxy '*'; curl -s http://127.0.0.1:${port}` },
        { tools: agentTools(options) },
      )
    expect((await ask()).text).not.toContain('reached')
    expect((await ask({ shellNetwork: true })).text).toContain('reached')
  })

  it('refuses a command that no program can be given', () => {
    const { input } = shellTool({ network: false })
    expect(input.safeParse({ command: 'echo a\0b' }).error?.message).toContain('must not hold NUL characters')
    expect(input.safeParse({ command: 'echo a' }).success).toBe(true)
  })

  it('is judged as Bash, with exactly the command that runs', () => {
    const shellTool = agentTools().find(({ name }) => name === 'shell')
    expect(shellTool?.judgedAs({ command: 'rm -rf x', timeoutSeconds: 3 })).toEqual({
      tool: 'Bash',
      input: { command: 'rm -rf x' },
    })
  })
})
