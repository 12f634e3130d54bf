/** A live list of the runs of a Millrace server, with the PocketBase SDK. */
import { EventSource } from 'eventsource'
import PocketBase from 'pocketbase'

const { MILLRACE_URL: server = 'http://127.0.0.1:4000', MILLRACE_TOKEN: token = '' } = process.env

/** The fields of a run that are shown. `head` is the number of its newest event. */
interface Run {
  id: string
  state: string
  head: number
}

// Browsers have an EventSource; Node does not yet.
Object.assign(globalThis, { EventSource })

const pocketbase = new PocketBase(server)
pocketbase.authStore.save(token)

/** The newest two hundred runs, and those that started since. */
const runs = new Map<string, Run>()
/** For each list being read: the runs that changed since the request. */
const asked = new Set<Set<string>>()

/** Keeps the newer of two states of a run: the one with more events, or else the one that arrived last. */
function put(run: Run, action = 'update'): void {
  const known = runs.get(run.id)
  if (action === 'delete') runs.delete(run.id)
  else if (known === undefined || known.head <= run.head) runs.set(run.id, run)
  else return
  console.log(`${action} ${run.id} ${run.state}`)
}

/** Reads the list after each connect, because changes without a subscriber reach nobody. */
async function refresh(): Promise<void> {
  const changed = new Set<string>()
  asked.add(changed)
  const listed = await pocketbase
    .send<{ runs: Run[] }>('/api/runs', {
      query: { limit: 200 },
      // Only /api/realtime accepts a token without "Bearer".
      headers: { Authorization: `Bearer ${token}` },
      requestKey: null,
    })
    .finally(() => asked.delete(changed))
  const there = new Set(listed.runs.map(({ id }) => id))
  for (const id of runs.keys()) if (!there.has(id) && !changed.has(id)) runs.delete(id)
  // A change is newer than a list that was requested before it, above all a deletion.
  for (const run of listed.runs) if (!changed.has(run.id)) put(run, 'list')
  console.log(`${runs.size} runs`)
}

// Subscribe first and list second: a change in between then arrives as a message. The other way round, it
// would be lost.
await pocketbase.collection('runs').subscribe<Run>('*', ({ action, record }) => {
  for (const changed of asked) changed.add(record.id)
  put(record, action)
})
// Sent after each reconnect, once everything is subscribed again. If the server is gone again by then, the
// next reconnect reads the list.
await pocketbase.realtime.subscribe('PB_CONNECT', () => void refresh().catch(console.error))
await refresh()

process.once('SIGTERM', () => void pocketbase.realtime.unsubscribe())
