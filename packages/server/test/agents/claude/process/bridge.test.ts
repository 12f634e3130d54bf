/** The bridge between the SDK and a process in the sandbox, with real processes. */
import { once } from 'node:events'
import type { Sandbox, SandboxedProcess } from '@millrace/sandbox'
import { textOf, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bridge, type BridgeParts } from '#agents/claude/process/bridge'

const workspace = new Workspace()
const project = workspace.project('project')
let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await workspace.open([project])
})
afterAll(() => workspace.close())

function bridge(script: string, parts: Partial<BridgeParts> = {}) {
  const heard: string[] = []
  const made = new Bridge({
    start: () => workspace.spawn(sandbox, project, ['sh', '-c', script]),
    ending: { fail: (reason, error) => heard.push(`${reason}: ${error}`) },
    began: () => heard.push('began'),
    mirrored: (frame) => heard.push(`mirrored ${frame.filePath}`),
    shorten: (line) => line,
    quote: (line) => line,
    outputCharsMax: 1_000_000,
    unreadBytesMax: 100_000,
    room: () => null,
    ...parts,
  })
  return { made, heard }
}

describe('the bridge', () => {
  it('the bridge exists at once: what is written before the process runs reaches it', async () => {
    const { made, heard } = bridge(`while read -r line; do echo "{\\"type\\":\\"$line\\"}"; done; exit 4`)
    made.stdin.write('one\n')
    made.stdin.end('two\n')
    const exit = once(made, 'exit')
    expect(await textOf(made.stdout)).toBe('{"type":"one"}\n{"type":"two"}\n')
    expect(await exit).toEqual([4, null])
    expect(await made.exited).toEqual({ code: 4, signal: null })
    expect(heard).toEqual(['began'])
  })

  it('mirrored lines are taken out of the messages, even after the SDK is cut off', async () => {
    const frame = '{"type":"transcript_mirror","filePath":"f","entries":[]}'
    const { made, heard } = bridge(`echo '{"type":"a"}'; read -r x; echo '{"type":"b"}'; echo '${frame}'`)
    const [first] = await once(made.stdout, 'data')
    expect(String(first)).toBe('{"type":"a"}\n')
    made.cut()
    made.stdin.end('go\n')
    await made.exited
    expect(await textOf(made.stdout)).toBe('')
    expect(heard).toEqual(['began', 'mirrored f'])
  })

  it('a kill before the process runs ends it once it does', async () => {
    const started = Promise.withResolvers<SandboxedProcess>()
    const { made } = bridge('', { start: () => started.promise })
    const exit = once(made, 'exit')
    expect(made.kill('SIGKILL')).toBe(true)
    started.resolve(await workspace.spawn(sandbox, project, ['sleep', '1000']))
    expect(await exit).toEqual([null, 'SIGKILL'])
    expect([made.killed, made.exitCode, made.signalCode]).toEqual([true, null, 'SIGKILL'])
  })

  it('a failed start is reported as a cause and to the SDK', async () => {
    const { made, heard } = bridge('', { start: () => Promise.reject(new Error('no sandbox today')) })
    const [error] = await once(made, 'error')
    expect(error).toMatchObject({ message: 'no sandbox today' })
    expect(await made.exited).toBeNull()
    expect(await textOf(made.stdout)).toBe('')
    expect(heard).toEqual(['not_started: Could not start: no sandbox today'])
    await made.end(0)
  })

  it('output above the bound is reported, and nothing more passes', async () => {
    const { made, heard } = bridge(`yes '{"type":"flood"}' | head -c 2000000`)
    const text = await textOf(made.stdout)
    await made.exited
    expect(text.length).toBeLessThanOrEqual(1_000_000)
    expect(new Set(heard)).toEqual(
      new Set(['began', 'output: The agent wrote more than a gigabyte of messages and was ended']),
    )
  })

  it('a message with Unicode line ends in it stays whole', async () => {
    const text = 'a\u2028b\u2029c'
    const { made, heard } = bridge(`echo '${JSON.stringify({ type: 'a', text })}'`)
    const written = await textOf(made.stdout)
    expect(written).not.toMatch(/[\u2028\u2029]/)
    expect(JSON.parse(written)).toEqual({ type: 'a', text })
    expect(heard).toEqual(['began'])
  })

  it('a process that makes requests and does not read the answers is reported as broken', async () => {
    const broken = Promise.withResolvers<string>()
    const { made } = bridge('while echo \'{"type":"ask"}\'; do sleep 0.01; done', {
      ending: { fail: (_reason, error) => broken.resolve(error) },
    })
    made.stdout.on('data', () => made.stdin.write('x'.repeat(50_000)))
    expect(await broken.promise).toBe(
      "The agent's process wrote a line that is not a message: (it makes requests and does not read the answers)",
    )
    await made.end(0)
  })

  it('a line that cannot be mirrored is reported as broken, and the pipe does not just end', async () => {
    const { made, heard } = bridge(`echo '{"type":"transcript_mirror","filePath":"f","entries":[]}'`, {
      mirrored: () => {
        throw new RangeError('too much')
      },
    })
    made.stdout.resume()
    await made.exited
    expect(heard).toEqual([
      'began',
      "protocol_error: The agent's process wrote a line that is not a message: (too much)",
    ])
  })

  it('the bridge keeps the end of stderr, and no more', async () => {
    const { made } = bridge(`yes noise | head -c 100000 >&2; echo 'last words' >&2`)
    made.stdout.resume()
    await made.exited
    expect(made.stderrTail).toHaveLength(8192)
    expect(made.stderrTail.endsWith('last words\n')).toBe(true)
  })
})
