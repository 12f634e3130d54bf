/**
 * What an agent said and did, as it does it. The newest items are in the page, and earlier ones when they are scrolled
 * to; an item is rendered again only when it, or what its subagent does, has changed.
 */
import type { PlanPhase } from '@millrace/protocol'
import { type ExecutionView, type Item, type Nested, nest, type SessionView } from '@millrace/protocol/view'
import { memo, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { ForkIcon, LinkIcon } from '#run/icons.tsx'
import { Button } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { CallCard } from './call-card.tsx'
import { Happened, Note, PersonSaid } from './remarks.tsx'
import { Said, Thought } from './texts.tsx'
import { useStickToEnd } from './use-stick-to-end.ts'

export type AgentView = SessionView | ExecutionView

export interface ConversationProps {
  view: AgentView
  /** What was asked for. */
  task: string | null
  owner: string
  /** `seq` of the event that the address points to. */
  target: number | null
  /** No longer points to an event. */
  onNewest(): void
  /** Takes back a message that waits. */
  onWithdraw?: ((messageId: string) => void) | undefined
  /** Begins a session with the conversation up to an event. */
  onFork?: ((seq: number) => void) | undefined
  /** Below the last item. */
  children?: ReactNode
}

/** Items that are in the page at first, and that are added when they are asked for. */
const shownAtFirst = 40
const shownMore = 40

export function Conversation({
  view,
  task,
  owner,
  target,
  onNewest,
  onWithdraw,
  onFork,
  children,
}: ConversationProps) {
  const nested = useMemo(() => nest(view.items), [view.items])
  const targetIndex = useMemo(() => (target === null ? -1 : indexBefore(nested, target)), [nested, target])
  const { first, last, showEarlier, showLater } = useShown(nested.length, targetIndex)
  const scroller = useRef<HTMLElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const { isAtEnd, toEnd } = useStickToEnd(scroller, content, view.head, targetIndex >= 0)
  useKeepPlace(scroller, first)
  useScrollTo(content, targetIndex < 0 ? null : (nested[targetIndex]?.item.key ?? null))
  const phases = 'goal' in view ? view.phases : noPhases
  const titles = useMemo(() => titlesOf(nested, phases), [nested, phases])
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <section
        ref={scroller}
        aria-label="Conversation"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto -outline-offset-2"
      >
        <div ref={content} className="mx-auto flex max-w-3xl flex-col gap-3 px-4 py-5">
          <h2 className="sr-only">Conversation</h2>
          {task !== null && <PersonSaid text={task} user={owner} />}
          {view.items.dropped > 0 && first === 0 && (
            <p className="text-center text-[12px] text-muted">
              {view.items.dropped.toLocaleString('en')} earlier items are in the events.
            </p>
          )}
          {first > 0 && (
            <More key={first} label={`${first.toLocaleString('en')} earlier`} onMore={showEarlier} />
          )}
          {nested.slice(first, last).map((node, index) => (
            <div key={node.item.key} className="flex flex-col gap-3">
              <PhaseTitle phase={titles.get(first + index)} />
              <ItemView
                node={node}
                cwd={'cwd' in view ? view.cwd : null}
                isTarget={first + index === targetIndex}
                onWithdraw={onWithdraw}
                onFork={onFork}
              />
            </div>
          ))}
          {last < nested.length && (
            <More
              key={last}
              label={`${(nested.length - last).toLocaleString('en')} later`}
              onMore={showLater}
            />
          )}
          {children}
        </div>
      </section>
      {!isAtEnd && <Newest onClick={targetIndex >= 0 ? onNewest : toEnd} />}
    </div>
  )
}

/**
 * Which items are in the page: the newest, and more of them when they are asked for. Where the address points to an
 * item, those around it instead.
 */
function useShown(count: number, targetIndex: number) {
  const [more, setMore] = useState({ before: 0, after: 0 })
  const isAround = targetIndex >= 0 && targetIndex < count - shownAtFirst
  const last = isAround ? Math.min(targetIndex + shownAtFirst / 2 + more.after, count) : count
  const first = Math.max(
    (isAround ? targetIndex : count) - shownAtFirst / (isAround ? 2 : 1) - more.before,
    0,
  )
  return {
    first,
    last,
    showEarlier: () => setMore(({ before, after }) => ({ before: before + shownMore, after })),
    showLater: () => setMore(({ before, after }) => ({ before, after: after + shownMore })),
  }
}

function Newest({ onClick }: { onClick(): void }) {
  return (
    <Button small className="absolute bottom-3 left-1/2 -translate-x-1/2 shadow-float" onClick={onClick}>
      Newest ↓
    </Button>
  )
}

/** Asks for more items as soon as it is seen. */
function More({ label, onMore }: { label: string; onMore(): void }) {
  const element = useRef<HTMLButtonElement>(null)
  const latest = useRef(onMore)
  latest.current = onMore
  useEffect(() => {
    if (element.current === null) return
    const observer = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) latest.current()
    })
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [])
  return (
    <Button ref={element} look="quiet" small className="self-center" onClick={onMore}>
      {label}
    </Button>
  )
}

const noPhases: readonly PlanPhase[] = []

/** Where the first item of another phase stands. What belongs to none stands in the one before. */
function titlesOf(nested: readonly Nested[], phases: readonly PlanPhase[]): Map<number, PlanPhase> {
  const titles = new Map<number, PlanPhase>()
  if (phases.length === 0) return titles
  let current: string | null = null
  for (const [index, { item }] of nested.entries()) {
    if (item.phaseId === null || item.phaseId === current) continue
    current = item.phaseId
    const phase = phases.find(({ id }) => id === current)
    if (phase !== undefined) titles.set(index, phase)
  }
  return titles
}

function PhaseTitle({ phase }: { phase: PlanPhase | undefined }) {
  if (phase === undefined) return null
  return (
    <h2
      id={`phase-${phase.id}`}
      className="flex items-center gap-3 pt-3 text-[12px] font-medium text-muted after:h-px after:flex-1 after:bg-line"
    >
      {phase.name}
    </h2>
  )
}

interface ItemProps {
  node: Nested
  cwd: string | null
  isTarget: boolean
  onWithdraw: ((messageId: string) => void) | undefined
  onFork: ((seq: number) => void) | undefined
}

const ItemView = memo(function ItemView({ node, cwd, isTarget, onWithdraw, onFork }: ItemProps) {
  const { item, children } = node
  const seq = seqOf(item)
  const link = seq !== null && <EventLink seq={seq} />
  return (
    <div data-key={item.key} className={classes('group/item relative', isTarget && 'item-target')}>
      <span className="absolute top-0.5 -left-7 flex flex-col max-sm:hidden">
        {link}
        {seq !== null && onFork !== undefined && <ForkHere seq={seq} onFork={onFork} />}
      </span>
      {contentOf()}
    </div>
  )

  function contentOf(): ReactNode {
    switch (item.kind) {
      case 'text':
        return <Said item={item} />
      case 'thinking':
        return <Thought item={item} />
      case 'note':
        return <Note item={item} />
      case 'event':
        return <Happened item={item} />
      case 'message':
        return (
          <PersonSaid text={item.text} user={item.user} status={item.status}>
            {item.status === 'waiting' && onWithdraw !== undefined && (
              <Button look="quiet" small onClick={() => onWithdraw(item.messageId)}>
                Take back
              </Button>
            )}
          </PersonSaid>
        )
      case 'call':
        return (
          <CallCard call={item} cwd={cwd}>
            {children.length === 0
              ? undefined
              : children
                  .slice(-childrenShown)
                  .map((child) => (
                    <ItemView
                      key={child.item.key}
                      node={child}
                      cwd={cwd}
                      isTarget={false}
                      onWithdraw={undefined}
                      onFork={undefined}
                    />
                  ))}
          </CallCard>
        )
      default:
        return item satisfies never
    }
  }
}, isSame)

/** Of what a subagent did; the rest is in the events. */
const childrenShown = 100

function isSame(before: ItemProps, after: ItemProps): boolean {
  return (
    before.cwd === after.cwd &&
    before.isTarget === after.isTarget &&
    before.onWithdraw === after.onWithdraw &&
    before.onFork === after.onFork &&
    isSameNode(before.node, after.node)
  )
}

function isSameNode(before: Nested, after: Nested): boolean {
  return (
    before.item === after.item &&
    before.children.length === after.children.length &&
    before.children.every((child, index) => isSameNode(child, after.children[index] as Nested))
  )
}

/** The event with which an item began, where its key says so. */
function seqOf({ key }: Item): number | null {
  const seq = Number.parseInt(key, 10)
  return Number.isNaN(seq) ? null : seq
}

/** The last item that began with an event or before it; -1 where there is none. */
function indexBefore(nested: readonly Nested[], seq: number): number {
  return nested.findLastIndex(({ item }) => (seqOf(item) ?? Number.POSITIVE_INFINITY) <= seq)
}

function EventLink({ seq }: { seq: number }) {
  return (
    <a
      href={`#${seq}`}
      aria-label={`Link to event ${seq}`}
      className="inline-flex size-6 items-center justify-center rounded text-muted opacity-0 group-hover/item:opacity-100 hover:text-text focus-visible:opacity-100"
    >
      <LinkIcon className="size-3.5" />
    </a>
  )
}

function ForkHere({ seq, onFork }: { seq: number; onFork(seq: number): void }) {
  return (
    <button
      type="button"
      aria-label={`Fork from event ${seq}`}
      title="Fork from here"
      onClick={() => onFork(seq)}
      className="inline-flex size-6 items-center justify-center rounded text-muted opacity-0 group-hover/item:opacity-100 hover:text-text focus-visible:opacity-100"
    >
      <ForkIcon className="size-3.5" />
    </button>
  )
}

/** What is read stays where it is when earlier items are added above it. */
function useKeepPlace(scroller: { current: HTMLElement | null }, first: number): void {
  const before = useRef({ first, height: 0 })
  useLayoutEffect(() => {
    const element = scroller.current
    if (element === null) return
    const grown = element.scrollHeight - before.current.height
    // Browsers keep the place themselves, except at the very top.
    if (first < before.current.first && element.scrollTop < 1) element.scrollTop += grown
    before.current = { first, height: element.scrollHeight }
  })
}

function useScrollTo(content: { current: HTMLElement | null }, key: string | null): void {
  const last = useRef<string | null>(null)
  useLayoutEffect(() => {
    if (key === last.current) return
    last.current = key
    if (key === null) return
    content.current?.querySelector(`[data-key="${CSS.escape(key)}"]`)?.scrollIntoView({ block: 'center' })
  })
}
