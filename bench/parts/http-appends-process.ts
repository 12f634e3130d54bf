/**
 * http-appends-process.ts <port> <runs> <seconds>: appends to a Durable Streams server over HTTP. What the
 * server fails to store (it keeps 100 files open, and at 200 streams closes some it is writing to) is sent again.
 */
import { Agent, request } from 'node:http'
import { measureAppends } from './appending.ts'

const [port = '0', runs = '1', seconds = '1'] = process.argv.slice(2)
const mostAttempts = 100
const agent = new Agent({ keepAlive: true, maxSockets: Number(runs) })

/** The status of the answer. */
function call(method: string, path: string, body: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
  const sent = request({ agent, port, host: '127.0.0.1', method, path, headers }, (response) => {
    const { statusCode = 0 } = response
    response.resume().once('end', () => resolve(statusCode))
  })
  sent.once('error', reject)
  sent.end(body)
  return promise
}

for (let run = 0; run < Number(runs); run++) await call('PUT', `/run-${run}`, '')
await measureAppends(Number(runs), Number(seconds), async (run, json) => {
  for (let attempt = 1; (await call('POST', `/run-${run}`, json)) >= 300; attempt++) {
    if (attempt === mostAttempts) throw new Error('the server stores nothing any more')
  }
})
agent.destroy()
