/** http-appends-process.ts <port> <runs> <seconds>: appends to a Durable Streams server over HTTP. */
import { Agent, request } from 'node:http'
import { measureAppends } from './appending.ts'

const [port = '0', runs = '1', seconds = '1'] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: Number(runs) })

function call(method: string, path: string, body: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
  const sent = request({ agent, port, host: '127.0.0.1', method, path, headers }, (response) => {
    const { statusCode = 0 } = response
    if (statusCode >= 300) reject(new Error(`${method} ${path}: ${statusCode}`))
    response.resume().once('end', () => resolve())
  })
  sent.once('error', reject)
  sent.end(body)
  return promise
}

for (let run = 0; run < Number(runs); run++) await call('PUT', `/run-${run}`, '')
await measureAppends(Number(runs), Number(seconds), (run, json) => call('POST', `/run-${run}`, json))
agent.destroy()
