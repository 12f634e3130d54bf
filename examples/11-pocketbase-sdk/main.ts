/** A live list of the runs of a Millrace server, with the SDK of PocketBase. */
import { EventSource } from 'eventsource'
import PocketBase from 'pocketbase'

const { MILLRACE_URL: server = 'http://127.0.0.1:4000', MILLRACE_TOKEN: token = '' } = process.env

/** What is shown of a run; it has more. `head` is the number of its newest event. */
interface Run {
  id: string
  state: string
  head: number
}

// Browsers have an EventSource; Node has none yet.
Object.assign(globalThis, { EventSource })

const pocketbase = new PocketBase(server)
pocketbase.authStore.save(token)

/** The newest two hundred, and those that came since. */
const runs = new Map<string, Run>()
/** Of each list that is on its way: what has changed since it was asked for. */
const asked = new Set<Set<string>>()

/** Of two states of a run the later one has more events; of two with as many, what came last counts. */
function put(run: Run, action = 'update'): void {
  const known = runs.get(run.id)
  if (action === 'delete') runs.delete(run.id)
  else if (known === undefined || known.head <= run.head) runs.set(run.id, run)
  else return
  console.log(`${action} ${run.id} ${run.state}`)
}

/** What changes while nobody is subscribed is in no event: after each connect the list is asked for. */
async function refresh(): Promise<void> {
  const changed = new Set<string>()
  asked.add(changed)
  const listed = await pocketbase
    .send<{ runs: Run[] }>('/api/runs', {
      query: { limit: 200 },
      // Without "Bearer" a token is taken at /api/realtime only.
      headers: { Authorization: `Bearer ${token}` },
      requestKey: null,
    })
    .finally(() => asked.delete(changed))
  const there = new Set(listed.runs.map(({ id }) => id))
  for (const id of runs.keys()) if (!there.has(id) && !changed.has(id)) runs.delete(id)
  // An event is newer than a list that was asked for before it came, a deletion above all.
  for (const run of listed.runs) if (!changed.has(run.id)) put(run, 'list')
  console.log(`${runs.size} runs`)
}

// Subscribe first and list second: what happens in between comes as an event. The other way round it
// would be lost.
await pocketbase.collection('runs').subscribe<Run>('*', ({ action, record }) => {
  for (const changed of asked) changed.add(record.id)
  put(record, action)
})
// Said after each reconnect, once everything is subscribed anew.
// A server that is gone again by then is asked after the next.
await pocketbase.realtime.subscribe('PB_CONNECT', () => void refresh().catch(console.error))
await refresh()

process.once('SIGTERM', () => void pocketbase.realtime.unsubscribe())
