/** durable-streams-process.ts <folder> */
import { DurableStreamTestServer } from '@durable-streams/server'

const server = new DurableStreamTestServer({ port: 0, host: '127.0.0.1', dataDir: process.argv[2] ?? '' })
const url = await server.start()
console.log(JSON.stringify({ port: Number(new URL(url).port) }))
