import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Sandbox } from '@millrace/sandbox'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import { Output } from '#runners/job/output'
import { emitHighWater } from '#runners/runner'
import { FakeContext } from './support/context.ts'

const sandbox: Sandbox = {
  report: { boundary: 'none', warnings: [], checks: [] },
  spawn: async () => {
    throw new Error('nothing is started here')
  },
  close: async () => {},
}

function opened(options: { eventBytes?: number; outputBytes?: number } = {}) {
  const context = new FakeContext(sandbox, '/', {})
  const clock = new ManualClock()
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  let overflows = 0
  const output = new Output(stdout, stderr, {
    context,
    clock,
    eventBytes: options.eventBytes ?? 1_048_576,
    outputBytes: options.outputBytes ?? 1e9,
    overflowed: () => {
      overflows += 1
    },
  })
  output.start()
  const write = async (text: string | Buffer, pipe = stdout) => {
    pipe.write(text)
    await turn()
    await turn()
  }
  return { context, clock, stdout, stderr, output, write, overflows: () => overflows }
}

describe('output', () => {
  it('a chunk of output is one emit, however many lines it holds', async () => {
    const { context, output, write } = opened()
    await write('a\nb\nc\n')
    await write('d\ne')
    expect(context.emits).toBe(2)
    await output.finish()
    expect(context.lines()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(output.lines).toBe(5)
  })

  it('output is labelled by pipe, each in its own order', async () => {
    const { context, output, stderr, write } = opened()
    await write('out 1\nout')
    await write('err 1\nerr', stderr)
    await write(' 2\n')
    await write(' 2\n', stderr)
    await output.finish()
    expect(context.lines('stdout')).toEqual(['out 1', 'out 2'])
    expect(context.lines('stderr')).toEqual(['err 1', 'err 2'])
    expect(output.lastWords).toBe('err 2')
  })

  it('a progress bar is shown at most every 500 ms, and its last state always', async () => {
    const { context, clock, output, write } = opened()
    for (let percent = 0; percent <= 50; percent++) await write(`\r${percent}%`)
    expect(context.lines()).toEqual(['0%'])
    clock.advance(499)
    expect(context.lines()).toEqual(['0%'])
    clock.advance(1)
    expect(context.lines()).toEqual(['0%', '50%'])
    clock.advance(5000)
    expect(context.lines()).toEqual(['0%', '50%'])
    await write('\r60%')
    await write('\r100%\n')
    expect(context.lines()).toEqual(['0%', '50%', '60%', '100%'])
    expect(output.lines).toBe(1)
    await output.finish()
    expect(clock.pending).toBe(0)
  })

  it('Windows line endings are no progress bar, wherever they are cut', async () => {
    const { context, clock, output, write } = opened()
    for (const chunk of ['one\r', '\ntwo', '\r', '\n']) {
      await write(chunk)
      clock.advance(1000)
    }
    await output.finish()
    expect(context.lines()).toEqual(['one', 'two'])
  })

  it('an event never exceeds its bound, even if JSON makes its text six times as long', async () => {
    const { context, output, write } = opened({ eventBytes: 2000 })
    await write(`${'\0'.repeat(1500)}\n${'x'.repeat(5000)}\n${'😀'.repeat(1000)}\n`)
    await write(`short\n${'y'.repeat(1500)}\n`)
    await output.finish()
    for (const event of context.output)
      expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(2000)
    expect(context.output.map((event) => event.truncated)).toEqual([
      ['line'],
      ['line'],
      ['line'],
      undefined,
      undefined,
    ])
    expect(context.lines()[2]).toMatch(/^(😀)+$/u)
  })

  it('output stops at its limit, which is reported once, and the pipes are still read', async () => {
    const { context, output, stdout, write, overflows } = opened({ outputBytes: 10 })
    await write('12345\n7890123\n')
    await write('more\n')
    await output.finish()
    expect(context.lines()).toEqual(['12345', '7890'])
    expect(overflows()).toBe(1)
    expect(stdout.readableLength).toBe(0)
  })

  it('both pipes pause while too much is on its way to the disk, and resume afterwards', async () => {
    const { context, output, stdout, stderr, write } = opened()
    context.hold()
    const line = `${'x'.repeat(999_990)}\n`
    for (let count = 0; count < 5; count++) await write(line)
    expect(context.uncommittedBytes).toBeGreaterThan(emitHighWater)
    expect([stdout.isPaused(), stderr.isPaused()]).toEqual([true, true])
    const before = context.emits
    await write('later\n', stderr)
    expect(context.emits).toBe(before)
    context.release()
    await turn()
    await turn()
    expect([stdout.isPaused(), stderr.isPaused()]).toEqual([false, false])
    expect(context.lines('stderr')).toEqual(['later'])
    await output.finish()
  })

  it('once nobody writes, the rest is read even if the disk is slow', async () => {
    const { context, output, stdout, write } = opened()
    context.hold()
    for (let count = 0; count < 5; count++) await write(`${'x'.repeat(999_990)}\n`)
    expect(stdout.isPaused()).toBe(true)
    output.drain()
    await write('last\n')
    expect(context.lines().at(-1)).toBe('last')
    context.release()
    await output.finish()
  })
})
