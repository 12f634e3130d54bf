import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { installSignals } from '#cli/signals'

function installed() {
  const source = new EventEmitter()
  const calls: string[] = []
  const clock = { now: 5000 }
  const release = installSignals({
    onFirst: (signal) => calls.push(`first ${signal}`),
    onSecond: (signal) => calls.push(`second ${signal}`),
    now: () => clock.now,
    source,
  })
  const at = (ms: number, signal: string) => {
    clock.now = 5000 + ms
    source.emit(signal, signal)
  }
  return { source, calls, at, release }
}

describe('signals', () => {
  it('signals within a second are one request: a Ctrl-C under npm arrives twice', () => {
    const { at, calls } = installed()
    at(0, 'SIGINT')
    at(3, 'SIGINT')
    at(400, 'SIGTERM')
    at(1000, 'SIGINT')
    expect(calls).toEqual(['first SIGINT'])
  })

  it('later signals are a second request, reported once', () => {
    const { at, calls } = installed()
    at(0, 'SIGTERM')
    at(1001, 'SIGINT')
    at(5000, 'SIGINT')
    expect(calls).toEqual(['first SIGTERM', 'second SIGINT'])
  })

  it('the second counts from the first signal, so that a held key still ends the program', () => {
    const { at, calls } = installed()
    for (let ms = 0; ms <= 1100; ms += 100) at(ms, 'SIGINT')
    expect(calls).toEqual(['first SIGINT', 'second SIGINT'])
  })

  it('a closed terminal is a request to stop only where that is asked for', () => {
    const source = new EventEmitter()
    const calls: string[] = []
    const handlers = { onFirst: (signal: string) => calls.push(signal), onSecond: () => undefined, source }
    const release = installSignals({ ...handlers, hangup: true })
    source.emit('SIGHUP', 'SIGHUP')
    expect(calls).toEqual(['SIGHUP'])
    release()
    expect(source.listenerCount('SIGHUP')).toBe(0)
    installSignals(handlers)
    expect(source.listenerCount('SIGHUP')).toBe(0)
  })

  it('signals are left alone after the release', () => {
    const { source, release } = installed()
    release()
    expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0)
  })
})
