/** All that an event says. */
import type { LoggedEvent } from '#run/log/blocks.ts'
import { IconButton } from '#ui/button.tsx'
import { CloseIcon } from '#ui/icons.tsx'

const charsMax = 100_000

export function EventDetail({ event, onClose }: { event: LoggedEvent | undefined; onClose(): void }) {
  if (event === undefined) return null
  const text = JSON.stringify(event.data, null, 2) ?? ''
  return (
    <section
      aria-label={`Event ${event.seq}`}
      className="flex max-h-[45dvh] flex-col border-t border-line bg-raised"
    >
      <header className="flex items-center gap-3 px-4 py-1">
        <h2 className="font-mono text-[12px] font-medium">
          #{event.seq} {event.type}
        </h2>
        <span className="flex-1 text-[12px] text-muted">
          {event.at !== null && new Date(event.at).toLocaleString()}
        </span>
        <IconButton label="Close" onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </header>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
        tabIndex={0}
        className="overflow-auto px-4 pb-3 font-mono text-[12px] break-words whitespace-pre-wrap"
      >
        {text.slice(0, charsMax)}
        {text.length > charsMax && `… ${text.length - charsMax} more characters`}
      </pre>
    </section>
  )
}
