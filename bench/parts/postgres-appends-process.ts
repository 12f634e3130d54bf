/** postgres-appends-process.ts <folder> <runs> <seconds>: Millrace's store on a Postgres of its own, through the same port. */
import { startPostgres } from '@millrace/test-support/postgres-server'
import { settingsOf } from '../../packages/server/src/store/postgres/settings.ts'
import { openPostgresStore } from '../../packages/server/src/store/postgres/store.ts'
import { measureStore } from './storing.ts'

const [, runs = '1', seconds = '1'] = process.argv.slice(2)
const server = await startPostgres({ durable: true })
if (server === null) throw new Error('Postgres is not installed')
try {
  const store = await openPostgresStore({ settings: settingsOf({ url: server.url }) })
  await measureStore(store, Number(runs), Number(seconds))
} finally {
  await server.stop()
}
