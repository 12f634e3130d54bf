import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

/** How far from the end still counts as the end. */
const endPx = 24

/**
 * Keeps the end of what grows in view, until the reader scrolls away from it. While it is held, a place is pointed to, and
 * the end is not followed.
 */
export function useStickToEnd(
  scroller: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  version: number,
  isHeld: boolean,
) {
  const isSticking = useRef(!isHeld)
  const [isAtEnd, setAtEnd] = useState(!isHeld)
  const toEnd = useCallback(() => {
    const element = scroller.current
    if (element === null) return
    isSticking.current = true
    element.scrollTop = element.scrollHeight
  }, [scroller])
  useLayoutEffect(() => {
    isSticking.current = !isHeld
    setAtEnd(!isHeld)
    if (!isHeld) toEnd()
  }, [isHeld, toEnd])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves with each version
  useLayoutEffect(() => {
    if (isSticking.current) toEnd()
  }, [version, toEnd])
  useEffect(() => {
    const element = scroller.current
    if (element === null || content.current === null) return
    let top = element.scrollTop
    const scrolled = () => {
      const left = element.scrollHeight - element.clientHeight - element.scrollTop
      // What grew is no reader who scrolls: only a step upwards leaves the end.
      if (isHeld) isSticking.current = false
      else if (left <= endPx) isSticking.current = true
      else if (element.scrollTop < top - 1) isSticking.current = false
      top = element.scrollTop
      setAtEnd(!isHeld && (left <= endPx || isSticking.current))
    }
    // Text becomes Markdown, and cards open, after they were added.
    const observer = new ResizeObserver(() => {
      if (isSticking.current) toEnd()
      else scrolled()
    })
    observer.observe(content.current)
    observer.observe(element)
    element.addEventListener('scroll', scrolled, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', scrolled)
    }
  }, [scroller, content, toEnd, isHeld])
  return { isAtEnd, toEnd }
}
