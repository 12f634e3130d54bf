/**
 * node-peer-process.ts <plain|better-sse> <printer's folder> <backlog> <history> <port>
 *
 * A server as one writes it by hand: whatever the printer prints goes to every open response. It keeps
 * the last events in memory for those who come with a Last-Event-ID; after a restart it begins with
 * `history` events, as if it had found them on a disk.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type LineEvent, printedLines } from '../printer/lines.ts'
import { markedLine } from '../printer/marker.ts'

const [kind = 'plain', folder = '.', backlog = '511', historyLength = '0', port = '0'] = process.argv.slice(2)
const kept = 20_000
const lineLength = 150

const history: { n: number; event: LineEvent }[] = []
for (let n = 1; n <= Number(historyLength); n++) {
  history.push({ n, event: { line: markedLine(n, lineLength), timestamp: Date.now(), stream: 'stdout' } })
}
const missedBy = (lastId: string) => (lastId === '' ? [] : history.filter(({ n }) => n > Number(lastId)))

const { answer, broadcast } = kind === 'plain' ? plainServer() : await betterSseServer()
const server = createServer(answer)
server.listen({ port: Number(port), host: '127.0.0.1', backlog: Number(backlog) }, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
})
printedLines(folder, (event, line) => {
  const n = Number(historyLength) + line
  history.push({ n, event })
  if (history.length > kept) history.splice(0, history.length - kept / 2)
  broadcast(event, n)
})

interface Answering {
  answer: (req: import('node:http').IncomingMessage, res: ServerResponse) => void
  broadcast: (event: LineEvent, n: number) => void
}

function plainServer(): Answering {
  const responses = new Set<ServerResponse>()
  const frame = (event: LineEvent, n: number) => `id: ${n}\nevent: output\ndata: ${JSON.stringify(event)}\n\n`
  return {
    answer(req, res) {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform' })
      res.flushHeaders()
      const missed = missedBy(String(req.headers['last-event-id'] ?? ''))
      if (missed.length > 0) res.write(missed.map(({ n, event }) => frame(event, n)).join(''))
      responses.add(res)
      res.on('close', () => responses.delete(res))
    },
    broadcast(event, n) {
      const text = frame(event, n)
      for (const response of responses) response.write(text)
    },
  }
}

async function betterSseServer(): Promise<Answering> {
  const { createChannel, createEventBuffer, createSession } = await import('better-sse')
  const channel = createChannel()
  return {
    answer(req, res) {
      void createSession(req, res).then((session) => {
        const missed = missedBy(session.lastId)
        if (missed.length > 0) {
          const buffer = createEventBuffer()
          for (const { n, event } of missed) buffer.push(event, 'output', String(n))
          void session.batch(buffer)
        }
        channel.register(session)
      })
    },
    broadcast: (event, n) => {
      channel.broadcast(event, 'output', { eventId: String(n) })
    },
  }
}
