import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration, parseDuration } from '../src/duration.js'

describe('a duration', () => {
  it('is read from hours, minutes, or both', () => {
    assert.equal(parseDuration('2h'), 120)
    assert.equal(parseDuration('45m'), 45)
    assert.equal(parseDuration(' 1h 30m '), 90)
  })

  it('is not read from anything else', () => {
    for (const text of ['', 'soon', '1.5h', '30', '5m 1h']) assert.throws(() => parseDuration(text))
  })

  it('is written without parts that are zero', () => {
    assert.equal(formatDuration(0), '0m')
    assert.equal(formatDuration(59), '59m')
    assert.equal(formatDuration(90), '1h 30m')
    assert.equal(formatDuration(120), '2h')
  })

  it('of exactly one hour is written as one hour', () => {
    assert.equal(formatDuration(60), '1h')
  })

  it('survives being written and read again', () => {
    for (let minutes = 0; minutes < 500; minutes += 1) {
      assert.equal(parseDuration(formatDuration(minutes)), minutes)
    }
  })
})
