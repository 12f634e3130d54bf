/** Which dialog is open, and with what it begins. */
import { create } from 'zustand'

export type StartKind = 'job' | 'session' | 'execution'

export interface StartWith {
  kind?: StartKind
  project?: string
  tool?: string
}

interface Dialogs {
  start: StartWith | null
  palette: boolean
}

export const useDialogs = create<Dialogs>(() => ({ start: null, palette: false }))

export function openStart(start: StartWith = {}): void {
  useDialogs.setState({ start, palette: false })
}

export function openPalette(): void {
  useDialogs.setState({ start: null, palette: true })
}

export function closeDialogs(): void {
  useDialogs.setState({ start: null, palette: false })
}
