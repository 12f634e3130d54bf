/** store-appends-process.ts <folder> <runs> <seconds>: Millrace's embedded store, through its own port. */
import { openSqliteStore } from '../../packages/server/src/store/sqlite/store.ts'
import { measureStore } from './storing.ts'

const [dataDir = '', runs = '1', seconds = '1'] = process.argv.slice(2)
await measureStore(await openSqliteStore({ dataDir }), Number(runs), Number(seconds))
