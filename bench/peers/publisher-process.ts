/**
 * publisher-process.ts <printer's folder> <port> <nchan|centrifugo> <history>
 *
 * Posts every line to a server that has no printer of its own, over one connection, many requests at once: the connection
 * keeps their order. It stops reading the printer while too many are unanswered.
 */
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { type LineEvent, printedLines } from '../printer/lines.ts'
import { markedLine } from '../printer/marker.ts'

const [folder = '.', port = '0', server = 'nchan', history = '0'] = process.argv.slice(2)
const { head, wrap } =
  server === 'centrifugo'
    ? { head: 'POST /api/publish', wrap: (event: string) => `{"channel":"bench","data":${event}}` }
    : { head: 'POST /pub', wrap: (event: string) => event }
const lineLength = 150
const mostUnanswered = 1000

const socket = connect({ port: Number(port), host: '127.0.0.1' })
socket.setNoDelay(true)
let answered = 0
let sent = 0
let pipe: Readable | null = null
socket.setEncoding('latin1').on('data', (chunk: string) => {
  answered += chunk.split('HTTP/1.1 20').length - 1
  tellWhenReady()
  if (sent - answered < mostUnanswered / 2) pipe?.resume()
})
socket.on('error', () => process.exit(0))
socket.on('close', () => process.exit(0))

for (let n = 1; n <= Number(history); n++) {
  publish({ line: markedLine(n, lineLength), timestamp: Date.now(), stream: 'stdout' })
}
tellWhenReady()

function tellWhenReady(): void {
  if (pipe !== null || answered < Number(history)) return
  console.log('{"ready":true}')
  pipe = printedLines(folder, publish)
}

function publish(event: LineEvent): void {
  const body = wrap(JSON.stringify(event))
  sent += 1
  if (sent - answered > mostUnanswered) pipe?.pause()
  socket.write(
    `${head} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-EventSource-Event: output\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}
