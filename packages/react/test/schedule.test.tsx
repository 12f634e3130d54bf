import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nextFrame } from '#sources/schedule'

let frames: Map<number, () => void>

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  frames = new Map()
  let next = 0
  vi.stubGlobal('requestAnimationFrame', (callback: () => void) => {
    next += 1
    frames.set(next, callback)
    return next
  })
  vi.stubGlobal('cancelAnimationFrame', (id: number) => frames.delete(id))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('a flush comes once, with the next frame', () => {
  const flush = vi.fn()
  nextFrame(flush)
  for (const callback of [...frames.values()]) callback()
  vi.advanceTimersByTime(10_000)
  expect(flush).toHaveBeenCalledTimes(1)
})

it('a hidden page, which gets no frames, makes progress by a timer', () => {
  const flush = vi.fn()
  nextFrame(flush)
  vi.advanceTimersByTime(249)
  expect(flush).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(flush).toHaveBeenCalledTimes(1)
  expect(frames.size).toBe(0)
})

it('where there are no frames at all, a timer stands for them', () => {
  vi.stubGlobal('requestAnimationFrame', undefined)
  const flush = vi.fn()
  nextFrame(flush)
  vi.advanceTimersByTime(16)
  expect(flush).toHaveBeenCalledTimes(1)
})

it.each([true, false])('a flush that was cancelled never comes (with frames: %s)', (hasFrames) => {
  if (!hasFrames) vi.stubGlobal('requestAnimationFrame', undefined)
  const flush = vi.fn()
  nextFrame(flush)()
  vi.advanceTimersByTime(10_000)
  expect(frames.size).toBe(0)
  expect(flush).not.toHaveBeenCalled()
})
