/**
 * durable-streams-publisher-process.ts <printer's folder> <port>
 *
 * Appends every event by itself, as it comes, over one connection.
 */
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { type LineEvent, printedLines } from '../printer/lines.ts'

const [folder = '.', port = '0'] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let last: Promise<void> = Promise.resolve()

printedLines(folder, (event) => {
  last = last.then(() => append(event))
})
console.log('{"ready":true}')

async function append(event: LineEvent): Promise<void> {
  const body = JSON.stringify(event)
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length }
  const sent = request({ agent, port, host: '127.0.0.1', method: 'POST', path: '/bench', headers })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
}
