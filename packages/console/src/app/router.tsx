/** The pages. Each is a module of its own folder; the page of a run is loaded when it is first opened. */
import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { Loading } from '#ui/notice.tsx'
import { basePath } from './address.ts'
import { Layout } from './layout.tsx'

const RunPage = lazy(() => import('#run/run-page.tsx'))

const root = createRootRoute({ component: Layout })

const inbox = createRoute({ getParentRoute: () => root, path: '/', component: () => null })

const runs = createRoute({ getParentRoute: () => root, path: '/runs', component: () => null })

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

export const router = createRouter({ routeTree: root.addChildren([inbox, runs, run]), basepath: basePath })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
