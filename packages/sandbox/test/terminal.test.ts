import { isRoot, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '#sandbox'

const workspace = new Workspace()
const project = workspace.project('project')
const theirs = workspace.project('theirs', 'somebody')
afterAll(() => workspace.close())

describe.each(['required', 'off'] as const)('a terminal with the sandbox %s', (mode) => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await workspace.open([project, theirs], { mode })
  })
  const run = (script: string, at = project) =>
    workspace.sh(sandbox, at, script, { terminal: { columns: 91, rows: 17 }, stdin: 'none' })

  const users: [who: string, at: string][] = [['the server’s user', project]]
  if (isRoot) users.push(['somebody else', theirs])
  it.each(users)('is one to the programs of %s, of the size that was asked for', async (_who, at) => {
    const { stdout, stderr, exit } = await run(
      'test -t 1 && test -t 2 && test ! -t 0 && echo yes; stty size < /dev/tty; echo error >&2; tty < /dev/tty > /dev/null && echo named',
      at,
    )
    expect({ stdout, stderr, exit }).toEqual({
      stdout: 'yes\r\n17 91\r\nerror\r\nnamed\r\n',
      stderr: '',
      exit: { code: 0, signal: null },
    })
  })

  it('passes on everything that was written, also just before the end', async () => {
    const { stdout } = await run(
      'printf "\\033[31mred\\033[0m"; i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; printf last',
    )
    expect(stdout.startsWith('\x1b[31mred\x1b[0mline 0\r\n')).toBe(true)
    expect(stdout.endsWith('line 19999\r\nlast')).toBe(true)
    expect(stdout.split('\r\n')).toHaveLength(20_001)
  })

  it.each([
    ['exit 129', { code: 129, signal: null }],
    ['kill -SEGV $$', { code: null, signal: 'SIGSEGV' }],
    ['sleep 300 & exit 7', { code: 7, signal: null }],
  ])('hides no result: %s', async (script, exit) => {
    expect((await run(script)).exit).toEqual(exit)
  })

  it('ends with the run', async () => {
    const child = await workspace.spawn(sandbox, project, ['sh', '-c', 'trap "" HUP; sleep 300'], {
      terminal: { columns: 80, rows: 24 },
      stdin: 'none',
    })
    child.stdout.resume()
    child.stderr.resume()
    await child.end(0)
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' })
  })

  it('takes no characters that a program pushes into it, and none of the server’s', async () => {
    const { stdout } = await run(
      'python3 -c "import fcntl,termios; fcntl.ioctl(1, termios.TIOCSTI, b\'x\')" 2>&1 | tail -n 1; ls -l /proc/self/fd | grep -c /dev/pts',
    )
    expect(stdout).not.toContain('\nx')
  })
})
