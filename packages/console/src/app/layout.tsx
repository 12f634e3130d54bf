/** What every page stands in: navigation at the side; on a phone, at the bottom. */
import { Link, Outlet } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { QuestionsElsewhere, QuestionTray } from '#approvals/question-tray.tsx'
import { useInbox } from '#inbox/inbox-page.tsx'
import { useLive } from '#live/live-store.ts'
import { openPalette, openStart } from '#start/start-store.ts'
import { Kbd } from '#ui/badge.tsx'
import { IconButton } from '#ui/button.tsx'
import { classes } from '#ui/classes.ts'
import { BranchIcon, ChartIcon, GearIcon, InboxIcon, ListIcon, PlusIcon, SearchIcon } from '#ui/icons.tsx'
import { ConnectionBanner } from './banner.tsx'
import { useSignedIn } from './session.ts'

export function Layout() {
  return (
    <div className="flex min-h-dvh flex-col sm:flex-row">
      <a
        href="#page"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-accent-text focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the page
      </a>
      <Navigation />
      <main
        id="page"
        tabIndex={-1}
        className="min-w-0 flex-1 pb-(--tray-height,0px) outline-none max-sm:[--page-below:calc(3.25rem+1px+env(safe-area-inset-bottom))]"
      >
        <ConnectionBanner />
        <QuestionsElsewhere />
        <Outlet />
      </main>
      <QuestionTray />
    </div>
  )
}

function Navigation() {
  const { server } = useSignedIn()
  const { failed, working } = useInbox()
  const { questions } = useLive()
  const needs = failed.length + questions.length
  return (
    <nav
      aria-label="Pages"
      className={classes(
        'z-10 flex shrink-0 border-line bg-bg',
        'max-sm:sticky max-sm:bottom-0 max-sm:order-last max-sm:justify-around max-sm:border-t max-sm:pb-[env(safe-area-inset-bottom)]',
        'sm:sticky sm:top-0 sm:h-dvh sm:w-52 sm:flex-col sm:gap-0.5 sm:border-r sm:p-2',
      )}
    >
      <div className="mb-2 hidden items-center gap-1 px-2 pt-1 sm:flex">
        <span className="font-semibold tracking-tight">Millrace</span>
        <span className="flex-1" />
        <IconButton label="New run (c)" onClick={() => openStart()} className="size-7">
          <PlusIcon />
        </IconButton>
      </div>
      <button
        type="button"
        onClick={openPalette}
        className="mb-2 hidden h-8 items-center gap-2 rounded-md border border-line bg-panel px-2 text-muted hover:text-text sm:flex"
      >
        <SearchIcon />
        <span className="flex-1 text-left">Search</span>
        <Kbd>{/Mac|iPhone|iPad/.test(navigator.platform) ? '⌘K' : 'Ctrl K'}</Kbd>
      </button>
      <NavLink to="/" icon={<InboxIcon />} count={needs} tone="wait">
        Inbox
      </NavLink>
      <NavLink to="/runs" icon={<ListIcon />} count={working.length}>
        Runs
      </NavLink>
      <NavLink to="/activity" icon={<ChartIcon />} count={0}>
        Activity
      </NavLink>
      <NavLink to="/worktrees" icon={<BranchIcon />} count={0} className="max-sm:hidden">
        Worktrees
      </NavLink>
      <button
        type="button"
        className="flex h-13 flex-1 flex-col items-center justify-center gap-0.5 text-[11px] text-soft sm:hidden"
        onClick={() => openStart()}
      >
        <PlusIcon />
        New
      </button>
      <span className="hidden flex-1 sm:block" />
      <NavLink to="/settings" icon={<GearIcon />} count={0}>
        <span className="sm:hidden">Settings</span>
        <span className="hidden truncate sm:inline" title="Settings">
          {server.user}
        </span>
      </NavLink>
    </nav>
  )
}

function NavLink({
  to,
  icon,
  count,
  tone = 'neutral',
  className,
  children,
}: {
  to: '/' | '/runs' | '/activity' | '/worktrees' | '/settings'
  icon: ReactNode
  count: number
  tone?: 'neutral' | 'wait'
  className?: string
  children: ReactNode
}) {
  return (
    <Link
      to={to}
      activeOptions={{ exact: true, includeSearch: false }}
      activeProps={{ className: 'text-text sm:bg-hover' }}
      inactiveProps={{ className: 'text-soft' }}
      className={classes(
        'relative flex items-center rounded-md hover:text-text sm:h-8 sm:gap-2 sm:px-2 sm:hover:bg-hover',
        'max-sm:h-13 max-sm:flex-1 max-sm:flex-col max-sm:justify-center max-sm:gap-0.5 max-sm:text-[11px]',
        className,
      )}
    >
      {icon}
      {children}
      {count > 0 && (
        <span
          className={classes(
            'rounded px-1.5 text-[11px] font-medium tabular-nums sm:ml-auto max-sm:absolute max-sm:top-1 max-sm:left-1/2 max-sm:ml-1.5',
            tone === 'wait' ? 'bg-wait-soft text-wait' : 'bg-raised text-muted',
          )}
        >
          {count}
        </span>
      )}
    </Link>
  )
}
