/** The time of a run, to be dragged to any of its events. */
import type { ReactNode } from 'react'
import { nameOfEvent } from '#run/events/event-words.ts'
import type { EventLog } from '#run/log/event-log.ts'
import { Button } from '#ui/button.tsx'
import { durationText } from '#ui/time-words.ts'
import type { Moment } from './history.ts'

const colors: Record<Moment['what'], string> = {
  call: 'bg-live',
  phase: 'bg-accent',
  question: 'bg-wait',
  failure: 'bg-bad',
  message: 'bg-good',
}

export interface TimelineProps {
  log: EventLog
  firstSeq: number
  head: number
  moments: readonly Moment[]
  /** The event that is looked at; null for the run as it is. */
  seq: number | null
  onSeq(seq: number | null): void
  startedAt: number | null
}

export function Timeline({ log, firstSeq, head, moments, seq, onSeq, startedAt }: TimelineProps) {
  const shown = seq ?? head
  const event = log.event(shown)
  const since = event?.at == null || startedAt === null ? null : durationText(event.at - startedAt)
  const text = `Event ${shown} of ${head}${event === undefined ? '' : `, ${nameOfEvent(event.type)}`}`
  const jump = (step: 1 | -1) => {
    const found =
      step > 0
        ? moments.find((moment) => moment.seq > shown)
        : moments.findLast((moment) => moment.seq < shown)
    if (found !== undefined) onSeq(found.seq)
  }
  return (
    <section aria-label="Timeline" className="border-t border-line bg-bg px-4 py-2">
      <div className="mx-auto flex max-w-3xl flex-col gap-1">
        <div className="flex items-center gap-2 text-[12px] text-muted">
          <Step label="The moment before" onClick={() => jump(-1)}>
            ‹
          </Step>
          <Step label="The next moment" onClick={() => jump(1)}>
            ›
          </Step>
          <span className="min-w-0 flex-1 truncate tabular-nums">
            {text}
            {since !== null && ` · +${since}`}
          </span>
          {seq !== null && (
            <Button small onClick={() => onSeq(null)}>
              Back to now
            </Button>
          )}
        </div>
        <div className="relative">
          <div aria-hidden="true" className="pointer-events-none absolute inset-x-2 top-0 h-1.5">
            {moments.map((moment) => (
              <span
                key={moment.seq}
                className={`absolute h-1.5 w-0.5 rounded ${colors[moment.what]}`}
                style={{ left: `${((moment.seq - firstSeq) / Math.max(head - firstSeq, 1)) * 100}%` }}
              />
            ))}
          </div>
          <input
            type="range"
            min={firstSeq}
            max={head}
            value={shown}
            aria-label="Event"
            aria-valuetext={text}
            onChange={({ target }) => {
              const chosen = Number(target.value)
              onSeq(chosen >= head ? null : chosen)
            }}
            className="mt-1.5 w-full accent-accent"
          />
        </div>
      </div>
    </section>
  )
}

function Step({ label, onClick, children }: { label: string; onClick(): void; children: ReactNode }) {
  return (
    <Button small look="quiet" aria-label={label} title={label} onClick={onClick} className="w-6 max-sm:w-9">
      {children}
    </Button>
  )
}
