/** durable-streams-appends-process.ts <folder> <runs> <seconds>: its file-backed store, by its own methods. */
import { FileBackedStreamStore } from '@durable-streams/server'
import { measureAppends } from './appending.ts'

const [dataDir = '', runs = '1', seconds = '1'] = process.argv.slice(2)
// With its default of 100 open files it fails at 200 streams: it closes files that it is writing to.
const store = new FileBackedStreamStore({ dataDir, maxFileHandles: 2 * Number(runs) })
const paths = Array.from({ length: Number(runs) }, (_, run) => `/run-${run}`)
await Promise.all(paths.map((path) => store.create(path, { contentType: 'application/json' })))
await measureAppends(Number(runs), Number(seconds), (run, json) =>
  store.append(paths[run] ?? '', Buffer.from(json), { contentType: 'application/json' }),
)
await store.close()
