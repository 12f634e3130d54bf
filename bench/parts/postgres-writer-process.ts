/**
 * postgres-writer-process.ts <url> <runs> <seconds> <writers> hints|silent: one of several nodes that append to one Postgres
 * at once, each to its own runs. It begins when all are there. `silent` tells the others nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { settingsOf } from '../../packages/server/src/store/postgres/settings.ts'
import { NotifySignals } from '../../packages/server/src/store/postgres/signals/notify.ts'
import { openPostgresStore } from '../../packages/server/src/store/postgres/store.ts'
import { measureStore } from './storing.ts'

const [url = '', runs = '1', seconds = '1', writers = '1', mode = 'hints'] = process.argv.slice(2)
if (mode === 'silent') NotifySignals.prototype.send = () => {}
const store = await openPostgresStore({ settings: settingsOf({ url }) })
while ((await store.shared.nodes()).length < Number(writers)) await sleep(20)
await measureStore(store, Number(runs), Number(seconds))
