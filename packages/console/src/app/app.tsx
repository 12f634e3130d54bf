import { createClient } from '@millrace/client'
import { MillraceProvider } from '@millrace/react'
import { RouterProvider } from '@tanstack/react-router'
import { serverUrl } from './address.ts'
import { router } from './router.tsx'

/** With the browser's cookie. */
const client = createClient({ url: serverUrl })

export function App() {
  return (
    <MillraceProvider client={client}>
      <RouterProvider router={router} />
    </MillraceProvider>
  )
}
