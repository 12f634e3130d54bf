import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endingOf, replace } from '#agents/tools/inside/replace'

const edit = (content: string | Buffer, oldText: string, newText: string, replaceAll = false) =>
  replace(Buffer.from(content), { oldText, newText, replaceAll })
const edited = (...given: Parameters<typeof edit>) => {
  const replaced = edit(...given)
  return replaced.found === 'replaced' ? replaced.content.toString() : replaced
}

const inThread = `
  const { parentPort, workerData } = require('node:worker_threads')
  void import(workerData).then(({ replace }) => {
    const content = Buffer.from('ab'.repeat(1_000_000))
    const replaced = replace(content, { oldText: 'ab', newText: 'c', replaceAll: true })
    const isExact = replaced.content.equals(Buffer.alloc(1_000_000, 'c'))
    parentPort.postMessage({ count: replaced.count, isExact })
  })`

describe('replacing a text', () => {
  it('replaces the only place', () => {
    expect(edited('a b c', 'b', 'B')).toBe('a B c')
  })

  it('changes nothing where the text is found twice, and says where', () => {
    expect(edit('b\nb', 'b', 'B')).toEqual({ found: 'many', at: [0, 2] })
  })

  it('counts places that overlap: neither is the one that was meant', () => {
    expect(edit('aaa', 'aa', 'x')).toEqual({ found: 'many', at: [0, 1] })
    expect(edited('aaaa', 'aa', 'x', true)).toBe('xx')
  })

  it('replaces a text in a million places with a heap of 64 MB', async () => {
    const worker = new Worker(inThread, {
      eval: true,
      workerData: import.meta.resolve('#agents/tools/inside/replace'),
      // As pieces the result took more than twice as much, and for 4 million places 12 seconds.
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    })
    const ended = once(worker, 'exit')
    expect(await once(worker, 'message')).toEqual([{ count: 1_000_000, isExact: true }])
    await ended
  })

  it('finds text written with LF in a file with CRLF, and keeps CRLF in new lines', () => {
    expect(edited('a\r\nb\r\nc\r\n', 'a\nb\n', 'a\nx\nb\n')).toBe('a\r\nx\r\nb\r\nc\r\n')
    expect(edited('a\r\nb\r\n', 'b', 'b\nc')).toBe('a\r\nb\r\nc\r\n')
  })

  it('brings no CRLF into a file with LF', () => {
    expect(edited('a\nb\n', 'a\r\nb', 'a\r\nx\r\nb')).toBe('a\nx\nb\n')
  })

  it('follows the place where line endings are mixed', () => {
    expect(edited('a\r\nb\nc\n', 'a\nb', 'a\nx')).toBe('a\r\nx\nc\n')
    expect(edited('a\r\nb\nc\n', 'b\nc', 'b\nx')).toBe('a\r\nb\nx\n')
  })

  it('keeps a byte order mark', () => {
    expect(edited('\ufeffa\n', 'a', 'b')).toBe('\ufeffb\n')
  })

  it('keeps bytes that are not UTF-8', () => {
    const content = Buffer.from('caf\xe9 one \xff', 'latin1')
    const replaced = edit(content, 'one', 'zwei')
    expect(replaced).toMatchObject({ content: Buffer.from('caf\xe9 zwei \xff', 'latin1') })
  })

  it('takes neither text for a pattern', () => {
    expect(edited('a.c $& x', '$&', '$1$`')).toBe('a.c $1$` x')
  })

  const text = fc.string({
    unit: fc.constantFrom('a', 'b', '\n', '\r\n', 'é', '😀', '$&', ' '),
    maxLength: 30,
  })
  const some = text.filter((value) => value !== '')

  it('equals the replacement of strings in any file with one kind of line ending', () => {
    fc.assert(
      fc.property(
        text,
        some,
        text,
        fc.boolean(),
        fc.constantFrom('\n', '\r\n'),
        (before, from, to, all, ending) => {
          const file = before.replaceAll('\r\n', '\n').replaceAll('\n', ending)
          const fit = (value: string) =>
            endingOf(Buffer.from(file)) === 'none'
              ? value
              : value.replaceAll('\r\n', '\n').replaceAll('\n', ending)
          const count = countOf(file, fit(from))
          const replaced = edit(file, from, to, all)
          if (count === 0) expect(replaced.found).toBe('nothing')
          else if (count > 1 && !all) expect(replaced).toMatchObject({ found: 'many' })
          else expect(edited(file, from, to, all)).toBe(file.split(fit(from)).join(fit(to)))
        },
      ),
    )
  })

  it('can be undone where the new text was not in the file before', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), some, (noise, from) => {
        const mark = '\u2603snowman'
        const file = Buffer.concat([Buffer.from(noise), Buffer.from(from), Buffer.from(noise)])
        const there = edit(file, from, mark)
        if (there.found !== 'replaced' || endingOf(file) === 'mixed') return
        const back = edit(there.content, mark, from)
        if (back.found !== 'replaced' || endingOf(there.content) !== endingOf(file)) return
        expect(back.content.equals(file)).toBe(true)
      }),
    )
  })

  it('says where the new text lies', () => {
    fc.assert(
      fc.property(text, some, text, (before, from, to) => {
        const replaced = edit(before, from, to, true)
        if (replaced.found !== 'replaced') return
        const part = replaced.content.subarray(replaced.start, replaced.end).toString()
        expect(part.replaceAll('\r\n', '\n')).toBe(to.replaceAll('\r\n', '\n'))
      }),
    )
  })
})

function countOf(file: string, text: string): number {
  let count = 0
  for (let at = file.indexOf(text); at !== -1; at = file.indexOf(text, at + 1)) count += 1
  return count
}
