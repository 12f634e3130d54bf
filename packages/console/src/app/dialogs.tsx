/** The dialogs of every page. They are loaded when the page is idle, since the first view needs none. */
import { lazy, Suspense, useEffect } from 'react'
import { useDialogs } from '#start/start-store.ts'
import { useKeys } from './keys.ts'

const importStart = () => import('#start/start-dialog.tsx')
const importPalette = () => import('#start/palette.tsx')
const StartDialog = lazy(async () => ({ default: (await importStart()).StartDialog }))
const Palette = lazy(async () => ({ default: (await importPalette()).Palette }))

const idleMs = 1500

export function Dialogs() {
  useKeys()
  const { start, palette } = useDialogs()
  useEffect(() => {
    const timer = setTimeout(() => void Promise.all([importStart(), importPalette()]).catch(() => {}), idleMs)
    return () => clearTimeout(timer)
  }, [])
  return (
    <Suspense fallback={null}>
      {start !== null && <StartDialog start={start} />}
      {palette && <Palette />}
    </Suspense>
  )
}
