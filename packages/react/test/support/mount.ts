/** Mounts React elements into a document in memory. A warning of React fails the test. */
import { act, createElement, type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { afterEach, beforeEach, expect, vi } from 'vitest'

interface Box {
  textContent: string
  remove(): void
}

interface Page {
  document: { createElement(name: string): Box; body: { append(box: Box): void } }
  IS_REACT_ACT_ENVIRONMENT: boolean
}

const page = globalThis as unknown as Page
page.IS_REACT_ACT_ENVIRONMENT = true

const mounted = new Set<Mounted>()
const complaints = vi.spyOn(console, 'error')

beforeEach(() => {
  complaints.mockClear()
})
afterEach(async () => {
  for (const each of mounted) await each.unmount()
  expect(complaints.mock.calls).toEqual([])
})

export interface Mounted {
  readonly text: string
  render(element: ReactNode): Promise<void>
  unmount(): Promise<void>
}

/** In StrictMode: each effect is started, ended and started again. */
export async function mount(element: ReactNode): Promise<Mounted> {
  const box = page.document.createElement('div')
  page.document.body.append(box)
  const root = createRoot(box as never)
  const render = (next: ReactNode) => act(async () => root.render(createElement(StrictMode, null, next)))
  const it: Mounted = {
    get text() {
      return box.textContent
    },
    render,
    async unmount() {
      if (!mounted.delete(it)) return
      await act(async () => root.unmount())
      box.remove()
    },
  }
  mounted.add(it)
  await render(element)
  return it
}
