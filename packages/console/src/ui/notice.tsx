import type { ReactNode } from 'react'
import { Button } from './button.tsx'

/** Where there is nothing to show: why, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      <p className="font-medium text-soft">{title}</p>
      {children !== undefined && <div className="max-w-sm text-muted">{children}</div>}
    </div>
  )
}

/** Something failed. `retry` tries again. */
export function Problem({ message, retry }: { message: string; retry?: (() => void) | undefined }) {
  return (
    <div role="alert" className="flex flex-wrap items-center gap-3 rounded-md bg-bad-soft px-3 py-2 text-bad">
      <span className="min-w-0 flex-1 whitespace-pre-line">{message}</span>
      {retry !== undefined && (
        <Button small onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** Grey bars in place of a list that has not arrived. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2 p-4">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: one bar is like any other
        <div key={row} className="h-8 animate-pulse rounded-md bg-raised" />
      ))}
    </div>
  )
}
