/** durable-streams-process.ts <folder> */
import { DurableStreamTestServer } from '@durable-streams/server'

/** Reaches a private field of the server, which offers no such option for its store. */
interface FilePool {
  store: { fileHandlePool: { constructor: new (maxFiles: number) => FilePool['store']['fileHandlePool'] } }
}

const server = new DurableStreamTestServer({ port: 0, host: '127.0.0.1', dataDir: process.argv[2] ?? '' })
// With its 100 open files the server fails at 200 streams: it closes files that it is writing to.
const { store } = server as unknown as FilePool
store.fileHandlePool = new store.fileHandlePool.constructor(2000)
const url = await server.start()
console.log(JSON.stringify({ port: Number(new URL(url).port) }))
