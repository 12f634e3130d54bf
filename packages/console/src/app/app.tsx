import { createClient } from '@millrace/client'
import { MillraceProvider } from '@millrace/react'
import { RouterProvider } from '@tanstack/react-router'
import { visibleStreams } from '#live/visible-streams.ts'
import { router } from './router.tsx'
import { connection } from './session.ts'

const client = createClient({ ...connection, fetch: visibleStreams((...request) => fetch(...request)) })

/** A page that is looked at does not give up: about half an hour of attempts to reconnect. */
const patience = { attempts: 300, backoff: { firstMs: 500, maxMs: 8000 } }

export function App() {
  return (
    <MillraceProvider client={client} follow={patience}>
      <RouterProvider router={router} />
    </MillraceProvider>
  )
}
