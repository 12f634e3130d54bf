/**
 * Receives what the server asks while no page of the console is open, shows it, and takes the answer.
 *
 * A call is answered here only if the notification shows all that would run. It fetches nothing else and caches nothing.
 */
const at = (path) => new URL(path, self.registration.scope).href

self.addEventListener('push', (event) => event.waitUntil(receive(event.data.json())))
self.addEventListener('notificationclick', (event) =>
  event.waitUntil(clicked(event.notification, event.action)),
)

async function receive({ type, runId, approvalId, title, body, isWhole }) {
  if (type === 'answered') {
    for (const notification of await self.registration.getNotifications({ tag: approvalId }))
      notification.close()
    return
  }
  const pages = await self.clients.matchAll({ type: 'window' })
  // The page shows it itself.
  if (pages.some(({ visibilityState }) => visibilityState === 'visible')) return
  await self.registration.showNotification(title, {
    body,
    tag: approvalId,
    requireInteraction: true,
    data: { runId, approvalId },
    actions: isWhole
      ? [
          { action: 'allow', title: 'Allow' },
          { action: 'deny', title: 'Deny' },
        ]
      : [],
  })
}

async function clicked(notification, action) {
  const { runId, approvalId } = notification.data
  notification.close()
  if (action !== 'allow' && action !== 'deny') return open(runId)
  const answered = await answer(runId, approvalId, action)
  if (answered) return
  await self.registration.showNotification('Your answer did not count', {
    body: 'Somebody else was first, the run is over, or this browser is signed out.',
    tag: approvalId,
    data: { runId, approvalId },
  })
}

async function answer(runId, approvalId, decision) {
  const path = `api/runs/${encodeURIComponent(runId)}/approvals/${encodeURIComponent(approvalId)}`
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ decision }),
  }
  try {
    return (await fetch(at(path), request)).ok
  } catch {
    return false
  }
}

/** A page that is open goes there; else a new one. */
async function open(runId) {
  const address = at(`runs/${encodeURIComponent(runId)}`)
  const pages = await self.clients.matchAll({ type: 'window' })
  const page = pages[0]
  if (page === undefined) return self.clients.openWindow(address)
  await page.focus()
  return page.navigate(address)
}
