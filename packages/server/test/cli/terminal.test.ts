import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { printable, reportFailure, Terminal, table } from '#cli/terminal'

function io() {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  return { stdout, stderr, env: {}, cwd: '/' }
}

describe('what a command writes', () => {
  it('a write waits for a slow reader', async () => {
    const slow = { ...io(), stdout: new PassThrough({ highWaterMark: 8 }) }
    const terminal = new Terminal(slow, { json: false })
    const order: string[] = []
    const written = terminal.line('longer than the buffer').then(() => order.push('written'))
    await new Promise(setImmediate)
    order.push('read')
    slow.stdout.resume()
    await written
    expect(order).toEqual(['read', 'written'])
  })

  it('foreign text cannot control the terminal of a person', async () => {
    expect(printable('a\u001b]0;title\u0007\tb\nc\u009b2J')).toBe('a\ufffd]0;title\ufffd\tb\nc\ufffd2J')
    const target = io()
    await new Terminal(target, { json: false }).note('\u001b[2Jgone')
    target.stderr.end()
    expect(await text(target.stderr)).toBe('-- \ufffd[2Jgone\n')
  })

  // Failed before: the output of a run could set the clipboard of a person who followed it.
  it.each(['stdout', 'stderr'] as const)(
    'of a program’s terminal codes only colours are kept: %s',
    async (name) => {
      const hostile = '\u001b[1;31mred\u001b[0m \u001b]52;c;aGk=\u0007 \u001b[2J \u009b2J \r\u001b[6n\u001bP'
      const shown =
        '\u001b[1;31mred\u001b[0m \ufffd]52;c;aGk=\ufffd \ufffd[2J \ufffd2J \ufffd\ufffd[6n\ufffdP\n'
      const written = async (isTTY: boolean) => {
        const stream = Object.assign(new PassThrough(), { isTTY })
        const terminal = new Terminal({ ...io(), [name]: stream }, { json: false })
        await (name === 'stdout' ? terminal.line(hostile) : terminal.errorLine(hostile))
        stream.end()
        return text(stream)
      }
      expect(await written(true)).toBe(shown)
      // A program that reads it gets it unchanged.
      expect(await written(false)).toBe(`${hostile}\n`)
    },
  )

  it('JSON output has no control characters', async () => {
    const target = io()
    const value = { line: 'a\u009b2J\u007f\u001b[2J' }
    await new Terminal(target, { json: true }).value(value)
    target.stdout.end()
    const line = await text(target.stdout)
    expect(line).toBe('{"line":"a\\u009b2J\\u007f\\u001b[2J"}\n')
    expect(JSON.parse(line)).toEqual(value)
  })

  it('output for machines is one JSON value per line', async () => {
    const target = io()
    const terminal = new Terminal(target, { json: true })
    await terminal.value({ line: 'a\nb' })
    await terminal.note('note')
    await reportFailure(target, new Error('broken'), true)
    target.stdout.end()
    target.stderr.end()
    expect(await text(target.stdout)).toBe('{"line":"a\\nb"}\n')
    const lines = (await text(target.stderr)).trim().split('\n')
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual([['notice'], ['error']])
  })

  it('the columns of a table are aligned', () => {
    expect(
      table([
        ['a', 'bb', 'c'],
        ['aaa', 'b', 'cc'],
      ]),
    ).toEqual(['a    bb  c', 'aaa  b   cc'])
  })
})
