import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseTimesheet, totals } from '../src/timesheet.js'

describe('a timesheet', () => {
  it('has one entry a line, without comments and empty lines', () => {
    assert.deepEqual(parseTimesheet('# january\n\n2026-01-05 09:00-10:30 design work\n'), [
      { day: '2026-01-05', task: 'design work', minutes: 90 },
    ])
  })

  it('counts work past midnight to the day it began on', () => {
    const [entry] = parseTimesheet('2026-01-07 22:30-00:15 release')
    assert.deepEqual(entry, { day: '2026-01-07', task: 'release', minutes: 105 })
  })

  it('names the line that is wrong', () => {
    assert.throws(() => parseTimesheet('2026-01-05 09:00-10:30 design\nlunch'), /line 2 is no entry: lunch/)
  })

  it('is summed up by task, the longest first', () => {
    const entries = [
      { day: 'a', task: 'mail', minutes: 20 },
      { day: 'a', task: 'design', minutes: 30 },
      { day: 'b', task: 'mail', minutes: 5 },
    ]
    assert.deepEqual(totals(entries), [
      ['design', 30],
      ['mail', 25],
    ])
  })
})
