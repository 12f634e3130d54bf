import { describe, expect, it } from 'vitest'
import { agoText, durationText, leftText } from '../src/ui/time-words.ts'

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000]

describe('durationText', () => {
  it.each([
    [-5, '0.0 s'],
    [4230, '4.2 s'],
    [42 * second, '42 s'],
    [minute + 5 * second, '1 m 05 s'],
    [2 * hour + 10 * minute, '2 h 10 m'],
    [3 * day + 4 * hour, '3 d 4 h'],
  ])('%d ms are "%s"', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })
})

describe('leftText', () => {
  it.each([
    [0, 'expired'],
    [9 * minute + 59 * second, '9 m 59 s left'],
    [59 * minute + 55 * second, '59 m left'],
    [2 * hour + 10 * minute, '2 h 10 m left'],
  ])('%d ms to go are "%s"', (ms, text) => {
    expect(leftText(ms)).toBe(text)
  })
})

describe('agoText', () => {
  it.each([
    [-minute, 'just now'],
    [9 * second, 'just now'],
    [59 * second, '59 s ago'],
    [5 * minute, '5 m ago'],
    [23 * hour, '23 h ago'],
    [6 * day, '6 d ago'],
  ])('%d ms before now is "%s"', (ms, text) => {
    expect(agoText(1e12 - ms, 1e12)).toBe(text)
  })

  it('a week ago and more is a date', () => {
    expect(agoText(1e12 - 8 * day, 1e12)).toBe(new Date(1e12 - 8 * day).toLocaleDateString())
  })
})
