import type { OpenQuestion } from '@millrace/protocol'
import { classes } from '#ui/classes.ts'
import { callParts } from './call-parts.ts'
import { Exact } from './exact.tsx'

/** All of what would run, and why it is asked about. */
export function Call({ input, reason }: Pick<OpenQuestion, 'input' | 'reason'>) {
  return (
    <>
      {callParts(input).map(({ name, label, text, change }) => (
        <div key={name}>
          <div className="mb-1 text-[11px] font-medium text-muted">{label}</div>
          <Exact
            text={text}
            className={classes(
              change === 'removed' && 'border-l-2 border-l-bad',
              change === 'added' && 'border-l-2 border-l-good',
            )}
          />
        </div>
      ))}
      <p className="text-[12px] text-soft">
        <span className="text-muted">Why it asks: </span>
        {reason}
      </p>
    </>
  )
}
