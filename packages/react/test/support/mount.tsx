/** Components on a page, with whichever React the project is run with. */
import { act, type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'

export interface Mounted {
  container: HTMLElement
  render(element: ReactNode): Promise<void>
  unmount(): Promise<void>
}

const mounted = new Set<Mounted>()

export async function mount(element: ReactNode, options: { html?: string } = {}): Promise<Mounted> {
  const container = document.body.appendChild(document.createElement('div'))
  container.innerHTML = options.html ?? ''
  let root: Root
  await act(async () => {
    if (options.html === undefined) {
      root = createRoot(container)
      root.render(element)
    } else root = hydrateRoot(container, element)
  })
  const one: Mounted = {
    container,
    render: (next) => act(async () => root.render(next)),
    unmount: async () => {
      mounted.delete(one)
      await act(async () => root.unmount())
      container.remove()
    },
  }
  mounted.add(one)
  return one
}

export async function unmountAll(): Promise<void> {
  for (const one of [...mounted]) await one.unmount()
}

export const strictly = (element: ReactNode) => <StrictMode>{element}</StrictMode>

/** Runs a hook in a component of its own. `latest` is what it returned last, `renders` how often it ran. */
export function observed<Result>(hook: () => Result): {
  Observer: () => null
  readonly latest: Result
  readonly renders: number
} {
  const results: Result[] = []
  return {
    Observer: () => {
      results.push(hook())
      return null
    },
    get latest() {
      return results.at(-1) as Result
    },
    get renders() {
      return results.length
    },
  }
}
