import type { Run } from '@millrace/protocol'
import type { Tone } from './badge.tsx'
import { classes } from './classes.ts'
import { standingOf } from './run-words.ts'

const colours: Record<Tone, string> = {
  neutral: 'bg-muted',
  accent: 'bg-accent',
  good: 'bg-good',
  bad: 'bg-bad',
  wait: 'bg-wait',
  live: 'bg-live',
}

/** A dot in the colour of a tone. Words beside it say the same: a colour alone tells nothing to some. */
export function Dot({ tone, pulses = false }: { tone: Tone; pulses?: boolean }) {
  return (
    <span
      aria-hidden="true"
      className={classes(
        'inline-block size-2 shrink-0 rounded-full',
        colours[tone],
        pulses && 'animate-pulse-dot',
      )}
    />
  )
}

export function StateDot({ run, asks = false }: { run: Run; asks?: boolean }) {
  if (asks) return <Dot tone="wait" pulses />
  const { tone, isLive } = standingOf(run)
  return <Dot tone={tone} pulses={isLive} />
}
