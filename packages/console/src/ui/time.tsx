import { useNow } from './now.ts'
import { agoText, durationText } from './time-words.ts'

/** How long ago something was; the exact time is its title. */
export function RelativeTime({ at }: { at: number }) {
  const now = useNow()
  const date = new Date(at)
  return (
    <time
      dateTime={date.toISOString()}
      title={date.toLocaleString()}
      className="whitespace-nowrap tabular-nums"
    >
      {agoText(at, now)}
    </time>
  )
}

/** How long something took, or has taken so far. */
export function Duration({ from, to }: { from: number; to: number | null }) {
  return to === null ? <Growing from={from} /> : <Fixed ms={to - from} />
}

function Growing({ from }: { from: number }) {
  return <Fixed ms={useNow() - from} />
}

function Fixed({ ms }: { ms: number }) {
  return <span className="whitespace-nowrap tabular-nums">{durationText(ms)}</span>
}
