/**
 * What the tab shows of this page: its title, and a dot in the favicon.
 *
 * Pages say what they are about; open questions stand before that on every page.
 */
import { useEffect } from 'react'
import { create } from 'zustand'
import { useLive } from '#live/live-store.ts'
import type { Tone } from '#ui/badge.tsx'

interface About {
  title: string
  tone: Tone | null
}

const useAbout = create<About>(() => ({ title: '', tone: null }))

/** While the component is mounted: what its page is about, and how that stands. */
export function useDocumentState(title: string, tone: Tone | null = null): void {
  useEffect(() => {
    useAbout.setState({ title, tone })
    return () => useAbout.setState({ title: '', tone: null })
  }, [title, tone])
}

const colours: Record<Tone, string> = {
  neutral: '#8d929d',
  accent: '#8d93ff',
  good: '#2fa866',
  bad: '#e5484d',
  wait: '#f0a020',
  live: '#3b82f6',
}

/** A mill wheel, and a dot. The content policy allows images of data. */
export function faviconOf(tone: Tone | null): string {
  const dot = tone === null ? '' : `<circle cx="24" cy="24" r="8" fill="${colours[tone]}"/>`
  const wheel =
    '<g fill="none" stroke="#7c83f5" stroke-width="3"><circle cx="15" cy="15" r="11"/>' +
    '<path d="M15 1v28M1 15h28M5 5l20 20M25 5 5 25"/></g>'
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${wheel}${dot}</svg>`)}`
}

/** Keeps the tab's title and icon in step. One component renders it. */
export function DocumentState() {
  const { title, tone } = useAbout()
  const asked = useLive(({ questions }) => questions.length)
  useEffect(() => {
    const name = title === '' ? 'Millrace' : `${title} · Millrace`
    document.title = asked > 0 ? `(${asked}) ${name}` : name
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
    if (icon !== null) icon.href = faviconOf(asked > 0 ? 'wait' : tone)
  }, [title, tone, asked])
  return null
}
