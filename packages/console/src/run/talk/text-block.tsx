/** Text with the colours of terminals: what a call printed, and its result. Long ones are folded. */
import { useState } from 'react'
import { plain, type Span, styledLine } from '#run/log/ansi.ts'
import { SpanText } from '#run/log/span-text.tsx'
import { Button } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'

export function TextBlock({
  text,
  most = 16,
  keeps = 'begin',
  isError = false,
}: {
  text: string
  /** Lines that are shown at first. */
  most?: number
  /** Which end of a long text is shown: of one that grows, the newest lines. */
  keeps?: 'begin' | 'end'
  isError?: boolean
}) {
  const [isWhole, setWhole] = useState(false)
  const all = text.replace(/\n+$/, '').split('\n')
  const kept = isWhole ? wholeLinesMax : most
  const lines = styled(keeps === 'end' ? all.slice(-kept) : all.slice(0, kept))
  const left = all.length - lines.length
  const more = left > 0 && (
    <Button look="quiet" small className="ml-1" onClick={() => setWhole(true)} disabled={isWhole}>
      {isWhole ? `${left} more lines are in the log` : `${left} more lines`}
    </Button>
  )
  return (
    <div className={classes('terminal', isError && 'border-l-2 border-bad')}>
      {keeps === 'end' && more}
      <pre className="px-3 py-1.5 break-words whitespace-pre-wrap">
        {lines.map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines are only added
          <span key={index}>
            <SpanText spans={line} />
            {'\n'}
          </span>
        ))}
      </pre>
      {keeps === 'begin' && more}
    </div>
  )
}

const wholeLinesMax = 2000

/** A colour lasts until it is changed, also over the end of its line. */
function styled(lines: readonly string[]): (readonly Span[])[] {
  let style = plain
  return lines.map((line) => {
    const { spans, after } = styledLine(line, style)
    style = after
    return spans
  })
}
