/** Times and durations as people say them. */

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** `4.2 s`, `1 m 05 s`, `2 h 10 m`, `3 d 4 h`. */
export function durationText(ms: number): string {
  const safe = Math.max(ms, 0)
  if (safe < 10 * second) return `${(safe / second).toFixed(1)} s`
  if (safe < minute) return `${Math.floor(safe / second)} s`
  if (safe < hour) return `${Math.floor(safe / minute)} m ${pad(Math.floor((safe % minute) / second))} s`
  if (safe < day) return `${Math.floor(safe / hour)} h ${pad(Math.floor((safe % hour) / minute))} m`
  return `${Math.floor(safe / day)} d ${Math.floor((safe % day) / hour)} h`
}

/** `12 s left`, `59 m left`, `2 h 10 m left`, `expired`. Seconds count in the last ten minutes alone. */
export function leftText(ms: number): string {
  if (ms <= 0) return 'expired'
  const isLong = ms >= 10 * minute && ms < hour
  return `${isLong ? `${Math.floor(ms / minute)} m` : durationText(ms)} left`
}

/** `just now`, `5 m ago`, `3 h ago`, `2 d ago`, then the date. A clock that is ahead of ours reads as now. */
export function agoText(at: number, now: number): string {
  const ms = now - at
  if (ms < 10 * second) return 'just now'
  if (ms < minute) return `${Math.floor(ms / second)} s ago`
  if (ms < hour) return `${Math.floor(ms / minute)} m ago`
  if (ms < day) return `${Math.floor(ms / hour)} h ago`
  if (ms < 7 * day) return `${Math.floor(ms / day)} d ago`
  return new Date(at).toLocaleDateString()
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
