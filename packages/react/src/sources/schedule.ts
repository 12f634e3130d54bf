/** When what has arrived is shown: once per frame, however much arrives. */

/** Calls back soon, once. Returns what cancels that. */
export type Schedule = (flush: () => void) => () => void

/** A hidden page gets no frames, and still must make progress. */
const longestWaitMs = 250
const frameMs = 16

/** The next frame; a timer where there are no frames, or while the page is hidden. */
export const nextFrame: Schedule = (flush) => {
  if (typeof requestAnimationFrame !== 'function') {
    const timer = setTimeout(flush, frameMs)
    return () => clearTimeout(timer)
  }
  const cancel = () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
  }
  const once = () => {
    cancel()
    flush()
  }
  const frame = requestAnimationFrame(once)
  const timer = setTimeout(once, longestWaitMs)
  return cancel
}
