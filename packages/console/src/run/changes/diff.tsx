/** A diff, with as many of its lines as are looked at. */
import { useState } from 'react'
import { Button } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import type { DiffLine } from './lines.ts'

const looks: Record<DiffLine['kind'], string> = {
  same: '',
  added: 'bg-good-soft text-good',
  removed: 'bg-bad-soft text-bad',
  hunk: 'bg-raised text-muted',
}
const marks: Record<DiffLine['kind'], string> = { same: ' ', added: '+', removed: '-', hunk: ' ' }
const names: Partial<Record<DiffLine['kind'], string>> = { added: 'added: ', removed: 'removed: ' }

export function Diff({ lines, most = 200 }: { lines: readonly DiffLine[]; most?: number }) {
  const [shown, setShown] = useState(most)
  const hasNumbers = lines.some(({ before, after }) => before !== null || after !== null)
  const left = lines.length - shown
  return (
    <section
      aria-label="Diff"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
      tabIndex={0}
      className="overflow-x-auto bg-panel font-mono text-[12px] leading-5 -outline-offset-2"
    >
      <div className="min-w-max">
        {lines.slice(0, shown).map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a diff never move
          <div key={index} className={classes('flex', looks[line.kind])}>
            {hasNumbers && (
              <>
                <LineNumber value={line.before} />
                <LineNumber value={line.after} />
              </>
            )}
            <span aria-hidden="true" className="w-5 shrink-0 text-center select-none">
              {marks[line.kind]}
            </span>
            <span className="whitespace-pre pr-4">
              {names[line.kind] && <span className="sr-only">{names[line.kind]}</span>}
              {line.text}
            </span>
          </div>
        ))}
      </div>
      {left > 0 && (
        <Button look="quiet" small className="m-1" onClick={() => setShown((before) => before + 2000)}>
          Show {Math.min(left, 2000)} more lines
        </Button>
      )}
    </section>
  )
}

function LineNumber({ value }: { value: number | null }) {
  return <span className="w-11 shrink-0 pr-2 text-right text-muted select-none">{value}</span>
}
