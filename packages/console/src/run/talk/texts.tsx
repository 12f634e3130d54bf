/** What an agent says and thinks. */
import type { TextItem } from '@millrace/protocol/view'
import { lazy, Suspense } from 'react'
import { ThoughtIcon } from '#run/icons.tsx'
import { classes } from '#ui/classes.ts'

const Markdown = lazy(() => import('./markdown.tsx'))

export function Said({ item: { text, isOpen, cutChars } }: { item: TextItem }) {
  return (
    <div>
      <Suspense fallback={<p className="break-words whitespace-pre-wrap">{text}</p>}>
        <Markdown text={text} isOpen={isOpen} />
      </Suspense>
      {cutChars > 0 && <Cut chars={cutChars} />}
    </div>
  )
}

export function Thought({ item: { text, isOpen, cutChars } }: { item: TextItem }) {
  const newest = text.trimEnd().split('\n').at(-1) ?? ''
  return (
    <details className="group text-soft">
      <summary className="flex min-h-7 list-none items-center gap-2 rounded-md text-muted hover:text-text">
        <ThoughtIcon className={classes('size-4', isOpen && 'animate-pulse-dot text-live')} />
        <span className="shrink-0">{isOpen ? 'Thinking' : 'Thought'}</span>
        <span className="min-w-0 truncate text-[12px] group-open:hidden">{newest}</span>
      </summary>
      <div className="ml-2 border-l-2 border-line py-1 pl-4 break-words whitespace-pre-wrap">{text}</div>
      {cutChars > 0 && <Cut chars={cutChars} />}
    </details>
  )
}

function Cut({ chars }: { chars: number }) {
  return (
    <p className="pt-1 text-[12px] text-muted">
      {chars.toLocaleString('en')} more characters are in the log.
    </p>
  )
}
