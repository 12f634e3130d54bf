import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, test } from 'vitest'
import { Heartbeats } from '#sse/heartbeats'

test('a thousand hearts beat at their intervals from one timer, which goes with the last of them', () => {
  const clock = new ManualClock()
  const hearts = new Heartbeats(clock)
  const beats = new Map<number, number[]>()
  const stops = Array.from({ length: 1000 }, (_, n) => {
    const times: number[] = []
    beats.set(n, times)
    clock.advance(3)
    const stop = hearts.add({ beat: () => times.push(clock.now()) }, n % 2 === 0 ? 15_000 : 30_000)
    expect(clock.pending).toBe(1)
    return stop
  })
  clock.advance(60_000)
  expect(clock.pending).toBe(1)
  for (const [n, times] of beats) {
    const interval = n % 2 === 0 ? 15_000 : 30_000
    const started = (n + 1) * 3
    expect(times.length).toBeGreaterThanOrEqual(Math.floor((60_000 + 3000 - started) / interval))
    let last = started
    for (const at of times) {
      expect(Math.abs(at - last - interval)).toBeLessThanOrEqual(500)
      last = at
    }
  }
  for (const stop of stops) stop()
  expect(clock.pending).toBe(0)
})

test('a beat may stop others, and a heart that was stopped never beats again', () => {
  const clock = new ManualClock()
  const hearts = new Heartbeats(clock)
  const heard: string[] = []
  let stopSecond = () => {}
  const beatFirst = () => {
    heard.push('first')
    stopSecond()
  }
  const stopFirst = hearts.add({ beat: beatFirst }, 1000)
  stopSecond = hearts.add({ beat: () => heard.push('second') }, 1000)
  clock.advance(3000)
  expect(heard).toEqual(['first', 'first', 'first'])
  stopFirst()
  clock.advance(3000)
  expect(heard).toHaveLength(3)
  expect(clock.pending).toBe(0)
})

test('an interval of zero means no heartbeat', () => {
  const clock = new ManualClock()
  new Heartbeats(clock).add({ beat: () => expect.unreachable() }, 0)
  expect(clock.pending).toBe(0)
})
