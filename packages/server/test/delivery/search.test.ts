import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPage } from '#delivery/page'
import { searchLog } from '#delivery/search'
import { MemoryLog } from './support/memory-log.ts'

const output = (line: string) => ({ type: 'output', data: { line, timestamp: 1, stream: 'stdout' } })
function logOf(...events: { type: string; data: unknown }[]): MemoryLog {
  const log = new MemoryLog()
  log.create('run')
  log.append('run', events)
  return log
}
const search = async (log: MemoryLog, text: string, { after = 0, limit = 100 } = {}) => {
  const found = await searchLog(log, 'run', { after, text, limit })
  return { seqs: found?.events.map(({ seq }) => seq), searchedTo: found?.searchedTo }
}

describe('searchLog', () => {
  it('a line is found by what a person sees of it, whatever its case', async () => {
    const log = logOf(
      output('All fine'),
      output('\u001b[31mERR\u001b[0mOR: a "b"'),
      output('31m'),
      output('x'),
    )
    expect(await search(log, 'error: a "B"')).toEqual({ seqs: [2], searchedTo: 4 })
    expect(await search(log, '31m')).toEqual({ seqs: [3], searchedTo: 4 })
  })

  it('the other fields of a line are not searched, and the data of other events is', async () => {
    const log = logOf(output('x'), { type: 'note', data: { text: 'Stdout "quoted"' } })
    expect(await search(log, 'stdout')).toEqual({ seqs: [2], searchedTo: 2 })
    expect(await search(log, '"quoted"')).toEqual({ seqs: [2], searchedTo: 2 })
  })

  it('a search stops at its limit and can be continued from there', async () => {
    const log = logOf(...Array.from({ length: 10 }, (_, index) => output(index % 2 === 0 ? 'even' : 'odd')))
    expect(await search(log, 'even', { limit: 2 })).toEqual({ seqs: [1, 3], searchedTo: 3 })
    expect(await search(log, 'even', { limit: 9, after: 3 })).toEqual({ seqs: [5, 7, 9], searchedTo: 10 })
  })

  it('one request looks through a bounded part of the log', async () => {
    const log = logOf()
    for (let part = 0; part < 7; part++) log.append('run', Array(10_000).fill(output('x')))
    log.append('run', [output('needle')])
    expect(await search(log, 'needle')).toEqual({ seqs: [], searchedTo: 50_000 })
    expect(await search(log, 'needle', { after: 50_000 })).toEqual({ seqs: [70_001], searchedTo: 70_001 })
  })

  it('every line that contains a text is found, and no other one', async () => {
    const lines = fc.array(fc.stringMatching(/^[ab"\\.\u001b[]{0,6}$/), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(lines, fc.stringMatching(/^[ab"\\.]{1,3}$/), async (written, text) => {
        const plain = written.map((line) => line.replace(/\u001b\[[0-?]*[ -/]*[@-~]/g, ''))
        const expected = plain.flatMap((line, index) =>
          line.toLowerCase().includes(text.toLowerCase()) ? [index + 1] : [],
        )
        expect((await search(logOf(...written.map(output)), text)).seqs).toEqual(expected)
      }),
    )
  })

  it('a page of a search has the matches with their numbers, and says how far it looked', async () => {
    const page = await readPage(logOf(output('a'), output('b')), 'run', { limit: 10, q: 'B' })
    expect(JSON.parse(page ?? '')).toEqual({
      events: [{ seq: 2, at: expect.any(Number), type: 'output', data: output('b').data }],
      head: 2,
      closed: false,
      epoch: 'epoch-1',
      searchedTo: 2,
    })
  })
})
