import { createClient } from '@millrace/client'
import { MillraceProvider } from '@millrace/react'
import { RouterProvider } from '@tanstack/react-router'
import { visibleStreams } from '#live/visible-streams.ts'
import { router } from './router.tsx'
import { connection } from './session.ts'

const client = createClient({ ...connection, fetch: visibleStreams((...request) => fetch(...request)) })

export function App() {
  return (
    <MillraceProvider client={client}>
      <RouterProvider router={router} />
    </MillraceProvider>
  )
}
