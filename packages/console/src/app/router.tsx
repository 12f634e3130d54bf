/** The pages. Each is a module of its own folder; all but the inbox and the list are loaded when they are first opened. */
import { messageOf } from '@millrace/protocol'
import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { InboxPage } from '#inbox/inbox-page.tsx'
import { filterOf } from '#runs/filter.ts'
import { RunsPage } from '#runs/runs-page.tsx'
import { Button } from '#ui/button.tsx'
import { Empty, Loading } from '#ui/notice.tsx'
import { basePath } from './address.ts'
import { Shell } from './shell.tsx'

const RunPage = lazy(() => import('#run/run-page.tsx'))
const ActivityPage = lazy(() => import('#activity/activity-page.tsx'))
const WorktreesPage = lazy(() => import('#worktrees/worktrees-page.tsx'))
const SettingsPage = lazy(async () => ({
  default: (await import('#people/settings-page.tsx')).SettingsPage,
}))

/** In the place of what failed: of a page, the navigation stays. After an update of the server its old files are gone, too. */
function Failed({ error }: { error: unknown }) {
  return (
    <Empty title="This page failed">
      <p className="break-words">{messageOf(error).slice(0, 500)}</p>
      <Button className="mt-3" onClick={() => location.reload()}>
        Load it again
      </Button>
    </Empty>
  )
}

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => <Empty title="There is no such page" />,
  errorComponent: Failed,
})

const inbox = createRoute({ getParentRoute: () => root, path: '/', component: InboxPage })

const runs = createRoute({
  getParentRoute: () => root,
  path: '/runs',
  component: RunsPage,
  validateSearch: filterOf,
})

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  component: function OneRun() {
    const { runId } = run.useParams()
    return (
      <Suspense fallback={<Loading />}>
        <RunPage key={runId} runId={runId} />
      </Suspense>
    )
  },
})

const hoursMost = 8760

const activity = createRoute({
  getParentRoute: () => root,
  path: '/activity',
  validateSearch: ({ hours }: Record<string, unknown>): { hours?: number } => {
    const count = Math.floor(Number(hours))
    return count >= 1 && count <= hoursMost ? { hours: count } : {}
  },
  component: () => (
    <Suspense fallback={<Loading />}>
      <ActivityPage />
    </Suspense>
  ),
})

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  component: () => (
    <Suspense fallback={<Loading />}>
      <SettingsPage />
    </Suspense>
  ),
})

const worktrees = createRoute({
  getParentRoute: () => root,
  path: '/worktrees',
  component: () => (
    <Suspense fallback={<Loading />}>
      <WorktreesPage />
    </Suspense>
  ),
})

/** Whoever is signed in has nothing to do there. */
const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: function Login() {
    throw redirect({ to: '/', replace: true })
  },
})

export const router = createRouter({
  routeTree: root.addChildren([inbox, runs, run, activity, worktrees, settings, login]),
  basepath: basePath,
  defaultErrorComponent: Failed,
  // Readable addresses: `?state=running&q=npm`.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const entries = Object.entries(search).filter(([, value]) => value !== undefined)
    const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString()
    return text === '' ? '' : `?${text}`
  },
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
