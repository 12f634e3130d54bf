import { Fragment } from 'react'
import { classes } from '#ui/classes.ts'
import { piecesOf } from './exact-text.ts'

/** A text exactly as it is: what cannot be seen in it is named. */
export function Exact({ text, className }: { text: string; className?: string }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an element that scrolls must be reachable by keyboard
      tabIndex={0}
      className={classes(
        'max-h-72 overflow-auto rounded-md border border-line bg-bg px-3 py-2 font-mono text-[12px] leading-relaxed',
        'break-words whitespace-pre-wrap',
        className,
      )}
    >
      {piecesOf(text).map(({ at, text: piece, isHidden }) =>
        isHidden ? (
          <mark
            key={at}
            title="A character that cannot be seen"
            className="rounded bg-bad-soft px-0.5 text-bad"
          >
            {piece}
          </mark>
        ) : (
          <Fragment key={at}>{piece}</Fragment>
        ),
      )}
    </pre>
  )
}
