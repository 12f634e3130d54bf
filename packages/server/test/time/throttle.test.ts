import { ManualClock } from '@millrace/test-support/manual-clock'
import { describe, expect, it } from 'vitest'
import { Throttle } from '#time/throttle'

function rig() {
  const clock = new ManualClock()
  const done: string[] = []
  const failures: unknown[] = []
  const held: (() => void)[] = []
  const control = { hold: false, fail: false }
  const work = async (key: string) => {
    if (control.hold) await new Promise<void>((resolve) => held.push(resolve))
    if (control.fail) throw new Error('no')
    done.push(key)
  }
  const subject = new Throttle({
    clock,
    intervalMs: 250,
    retryMs: 5000,
    work,
    onFailure: (error) => failures.push(error),
  })
  return { subject, clock, done, failures, held, control }
}
const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('a throttle', () => {
  it('throttled work runs at once, then once per interval, and the last request is never dropped', async () => {
    const { subject, clock, done } = rig()
    subject.request('a')
    await settle()
    expect(done).toEqual(['a'])
    for (let n = 0; n < 50; n++) subject.request('a')
    clock.advance(249)
    await settle()
    expect(done).toEqual(['a'])
    clock.advance(1)
    await settle()
    expect(done).toEqual(['a', 'a'])
    clock.advance(250)
    await settle()
    expect([done.length, subject.size, clock.pending]).toEqual([2, 0, 0])
  })

  it('throttled work on one key never runs twice at a time, and keys do not wait for each other', async () => {
    const { subject, clock, done, held, control } = rig()
    control.hold = true
    subject.request('slow')
    control.hold = false
    subject.request('other')
    subject.request('slow')
    clock.advance(1000)
    await settle()
    expect([done, held.length]).toEqual([['other'], 1])
    held[0]?.()
    await settle()
    expect(done).toEqual(['other', 'slow', 'slow'])
  })

  it('throttled work that fails is retried after a longer wait', async () => {
    const { subject, clock, done, failures, control } = rig()
    control.fail = true
    subject.request('a')
    await settle()
    expect([done, failures.length]).toEqual([[], 1])
    control.fail = false
    clock.advance(4999)
    await settle()
    expect([done, failures.length]).toEqual([[], 1])
    clock.advance(1)
    await settle()
    expect(done).toEqual(['a'])
  })

  it('throttled work that fails after its key was forgotten leaves no timer', async () => {
    const { subject, clock, held, control } = rig()
    control.hold = true
    control.fail = true
    subject.request('a')
    subject.forget('a')
    held[0]?.()
    await settle()
    expect([subject.size, clock.pending]).toEqual([0, 0])
  })

  it('throttled work is done by a flush, and not after a close', async () => {
    const { subject, clock, done } = rig()
    subject.request('a')
    subject.request('a')
    await subject.flush()
    expect(done).toEqual(['a', 'a'])
    subject.request('a')
    subject.close()
    clock.advance(1000)
    await settle()
    expect([done.length, subject.size, clock.pending]).toEqual([2, 0, 0])
  })
})
