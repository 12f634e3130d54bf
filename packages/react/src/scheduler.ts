/** When what has arrived is shown: once a frame, however many events there were. */

/** Calls `flush` once, soon and not at once. Returns what takes that back. */
export type Scheduler = (flush: () => void) => () => void

/** A hidden page has no frames, and its timers may be held up to a second apart. */
const withoutFrameMs = 100

interface Frames {
  requestAnimationFrame?(callback: () => void): number
  cancelAnimationFrame?(id: number): void
}

/** With the next frame of the page; where there are no frames, after a tenth of a second. */
export const onNextFrame: Scheduler = (flush) => {
  const frames = globalThis as Frames
  const frame = frames.requestAnimationFrame?.(() => {
    clearTimeout(timer)
    flush()
  })
  const timer = setTimeout(() => {
    if (frame !== undefined) frames.cancelAnimationFrame?.(frame)
    flush()
  }, withoutFrameMs)
  return () => {
    clearTimeout(timer)
    if (frame !== undefined) frames.cancelAnimationFrame?.(frame)
  }
}
