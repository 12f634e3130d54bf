/** Keys that work on every page, unless a field has the focus. */
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { openPalette, openStart } from '#start/start-store.ts'

/** Between the two keys of a sequence. */
const sequenceMs = 1000

export function useKeys(): void {
  const navigate = useNavigate()
  useEffect(() => {
    let wentAt = 0
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        openPalette()
        return
      }
      const target = event.target instanceof Element ? event.target : null
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (target?.closest('input, textarea, select, dialog, [contenteditable]')) return
      const isSecond = event.timeStamp - wentAt < sequenceMs
      wentAt = event.key === 'g' ? event.timeStamp : 0
      const to = isSecond
        ? ({ i: '/', r: '/runs', a: '/activity', w: '/worktrees', s: '/settings' } as const)[event.key]
        : undefined
      if (to !== undefined) void navigate({ to })
      else if (event.key === 'c') {
        event.preventDefault()
        openStart()
      }
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [navigate])
}
