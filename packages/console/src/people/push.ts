/** Web Push of this browser: asked for by its user, and ended with the login. */
import { type Connection, call } from '@millrace/client'
import { addressOf, serverUrl } from '#app/address.ts'

/** `unsupported`: the browser cannot, or the page is not of a secure context. `refused`: its user has refused, in the browser. */
export type PushState = 'unsupported' | 'refused' | 'off' | 'on'

const path = '/api/push'
const connection: Connection = { url: serverUrl }

function isSupported(): boolean {
  return isSecureContext && 'serviceWorker' in navigator && 'PushManager' in globalThis
}

async function subscriptionNow(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration(addressOf(''))
  return (await registration?.pushManager.getSubscription()) ?? null
}

export async function pushState(): Promise<PushState> {
  if (!isSupported()) return 'unsupported'
  if (Notification.permission === 'denied') return 'refused'
  return (await subscriptionNow()) === null ? 'off' : 'on'
}

/** Asks the user, subscribes at the browser's push service, and tells the server. */
export async function turnOn(): Promise<PushState> {
  if ((await Notification.requestPermission()) !== 'granted') return pushState()
  const { publicKey } = await call<{ publicKey: string }>(connection, { path })
  await navigator.serviceWorker.register(addressOf('push-worker.js'), { scope: addressOf('') })
  const { pushManager } = await navigator.serviceWorker.ready
  const options = { userVisibleOnly: true, applicationServerKey: publicKey }
  const subscription = await pushManager.subscribe(options).catch(async () => {
    // One that was made with the keys of another server stands in the way.
    await (await pushManager.getSubscription())?.unsubscribe()
    return pushManager.subscribe(options)
  })
  await tell(subscription)
  return 'on'
}

export async function turnOff(): Promise<PushState> {
  const subscription = await subscriptionNow()
  if (subscription === null) return 'off'
  const { endpoint } = subscription
  await subscription.unsubscribe()
  await call(connection, { method: 'DELETE', path, body: { endpoint } })
  return 'off'
}

/** After a new login: a browser that is subscribed says so again. */
export async function renewPush(): Promise<void> {
  const subscription = isSupported() && Notification.permission === 'granted' ? await subscriptionNow() : null
  if (subscription !== null) await tell(subscription)
}

/** Before the login ends. The server forgets the browser by itself. */
export async function dropPush(): Promise<void> {
  if (isSupported()) await (await subscriptionNow())?.unsubscribe()
}

async function tell(subscription: PushSubscription): Promise<void> {
  const { endpoint, keys } = subscription.toJSON()
  await call(connection, { method: 'POST', path, body: { endpoint, keys } })
}
