/** Around all pages: who is signed in, and what arrives from the server. */
import { useClient } from '@millrace/react'
import { useEffect } from 'react'
import { applyToOverview, readOverview } from '#inbox/overview.ts'
import { goLive } from '#live/live.ts'
import { onRunChange, useLive } from '#live/live-store.ts'
import { SignInPage } from '#people/sign-in-page.tsx'
import { Button } from '#ui/button.tsx'
import { Empty, Loading } from '#ui/notice.tsx'
import { basePath } from './address.ts'
import { Dialogs } from './dialogs.tsx'
import { DocumentState } from './document-state.ts'
import { Layout } from './layout.tsx'
import { followOtherTabs } from './other-tabs.ts'
import { connection, readSession, useSession, useSignedIn } from './session.ts'

export function Shell() {
  const session = useSession()
  const liveStatus = useLive(({ status }) => status)
  useEffect(followOtherTabs, [])
  useEffect(() => void readSession(), [])
  // The server no longer knows the cookie.
  useEffect(() => {
    const { status } = useSession.getState()
    if (liveStatus === 'signed-out' && status === 'in') useSession.setState({ status: 'out' }, true)
  }, [liveStatus])
  switch (session.status) {
    case 'unknown':
      return <Loading rows={6} />
    case 'out':
      return <SignInPage />
    case 'failed':
      return (
        <main>
          <Empty title="The server is not responding">
            <p>{session.message}</p>
            <Button className="mt-3" onClick={() => void readSession()}>
              Try again
            </Button>
          </Empty>
        </main>
      )
    case 'in':
      return <SignedIn />
    default:
      return session satisfies never
  }
}

/** Nothing is loaded for browsers that are not notified. */
async function renewPush(): Promise<void> {
  if (globalThis.Notification?.permission !== 'granted') return
  await (await import('#people/push.ts')).renewPush()
}

function SignedIn() {
  const client = useClient()
  const generation = useLive((live) => live.generation)
  const { user } = useSignedIn().server
  useEffect(() => goLive(connection, `${basePath} ${user}`), [user])
  useEffect(() => void renewPush().catch(() => {}), [])
  useEffect(() => onRunChange(applyToOverview), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new generation means that changes were missed
  useEffect(() => void readOverview(client), [client, generation])
  return (
    <>
      <DocumentState />
      <Layout />
      <Dialogs />
    </>
  )
}
