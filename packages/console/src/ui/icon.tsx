/** Makes an icon: strokes of 16 × 16, in the colour of the text. */
import type { ReactNode } from 'react'

export function icon(paths: ReactNode) {
  return function Icon({ className = 'size-4' }: { className?: string }) {
    return (
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
        className={`${className} shrink-0`}
      >
        {paths}
      </svg>
    )
  }
}
