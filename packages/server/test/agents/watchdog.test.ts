import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import { Watchdog } from '#agents/watchdog'

function watch() {
  const clock = new ManualClock()
  let barks = 0
  const dog = new Watchdog({
    clock,
    silenceMs: 100,
    stalled: () => {
      barks += 1
    },
  })
  return { clock, dog, barks: () => barks }
}

describe('the watchdog', () => {
  it('the watchdog barks once, after the configured silence', () => {
    const { clock, dog, barks } = watch()
    clock.advance(99)
    dog.heard()
    clock.advance(99)
    expect(barks()).toBe(0)
    clock.advance(1)
    expect(barks()).toBe(1)
    clock.advance(1000)
    expect(barks()).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('the watchdog waits for all open calls, and counts from the end of the last', () => {
    const { clock, dog, barks } = watch()
    dog.began('a')
    dog.began('b')
    dog.ended('a')
    clock.advance(1050)
    dog.ended('b')
    clock.advance(60)
    expect(barks()).toBe(0)
    clock.advance(100)
    expect(barks()).toBe(1)
  })

  it('the watchdog remembers a bounded number of calls, so that made-up ones take no memory', () => {
    const { clock, dog, barks } = watch()
    for (let call = 0; call < 2000; call++) dog.began(`made up ${call}`)
    for (let call = 0; call < 1000; call++) dog.ended(`made up ${call}`)
    clock.advance(200)
    expect(barks()).toBe(1)
  })

  it('the watchdog waits for people, and counts from their last answer', () => {
    const { clock, dog, barks } = watch()
    dog.asking(true)
    dog.asking(true)
    dog.asking(false)
    clock.advance(1000)
    dog.asking(false)
    clock.advance(99)
    expect(barks()).toBe(0)
    clock.advance(100)
    expect(barks()).toBe(1)
  })

  it('a stopped watchdog is silent and leaves no timer', () => {
    const { clock, dog, barks } = watch()
    dog.stop()
    clock.advance(1000)
    expect(barks()).toBe(0)
    expect(clock.pending).toBe(0)
  })
})
