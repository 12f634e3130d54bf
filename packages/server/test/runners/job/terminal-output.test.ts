import { Buffer } from 'node:buffer'
import { PassThrough } from 'node:stream'
import type { StreamOutputEvent } from '@millrace/protocol'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, it } from 'vitest'
import { TerminalOutput } from '#runners/job/terminal-output'
import type { EmittedEvent } from '#runners/runner'

const size = { columns: 80, rows: 24 }

function terminal(options: { eventBytes?: number; outputBytes?: number } = {}) {
  const clock = new ManualClock(1000)
  const pipe = new PassThrough()
  const events: EmittedEvent[] = []
  let overflows = 0
  const output = new TerminalOutput(pipe, size, {
    context: {
      emit: async (added) => void events.push(...added),
      uncommittedBytes: 0,
    },
    clock,
    eventBytes: 1_048_576,
    outputBytes: 1_000_000,
    overflowed: () => {
      overflows += 1
    },
    ...options,
  })
  output.start()
  const write = async (bytes: string | Buffer) => {
    pipe.write(bytes)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const data = () => events.map((event) => event.data as StreamOutputEvent)
  return {
    clock,
    output,
    write,
    data,
    texts: () => data().map(({ line }) => line),
    overflows: () => overflows,
  }
}

it('a finished line is an event with its ending, and says how large the terminal is', async () => {
  const { write, data } = terminal()
  await write('one\r\ntwo\r\n')
  expect(data()).toEqual([
    { line: 'one\r\n', timestamp: 1000, stream: 'stdout', terminal: size },
    { line: 'two\r\n', timestamp: 1000, stream: 'stdout', terminal: size },
  ])
})

it('a progress bar is a few events, and all that it wrote is in them', async () => {
  const { clock, output, write, texts } = terminal()
  let written = ''
  for (let step = 0; step < 200; step += 1) {
    const text = `\r\x1b[2K${step} %`
    written += text
    await write(text)
    clock.advance(10)
  }
  await output.finish()
  expect(texts().join('')).toBe(written)
  expect(texts().length).toBeLessThan(25)
})

it('a character that arrives in two pieces stays one', async () => {
  const { output, write, texts } = terminal()
  const bytes = Buffer.from('ü😀\n')
  for (const byte of bytes) await write(Buffer.of(byte))
  await output.finish()
  expect(texts().join('')).toBe('ü😀\n')
})

it('no event is above the largest, whatever the line holds, and nothing of it is lost', async () => {
  const { output, write, data, texts } = terminal({ eventBytes: 1024 })
  const line = '\x00😀'.repeat(5000)
  await write(line)
  await write('\n')
  await output.finish()
  expect(texts().join('')).toBe(`${line}\n`)
  for (const event of data()) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(1024)
})

it('output above the limit is reported once and cut', async () => {
  const { output, write, texts, overflows } = terminal({ outputBytes: 10 })
  await write('0123456789abc\n')
  await write('more\n')
  await output.finish()
  expect(texts().join('')).toBe('0123456789')
  expect(overflows()).toBe(1)
})
