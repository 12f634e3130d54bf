/** The reference server of Durable Streams, on files, with a publisher beside it. */
import { firstLine, nodeCommand, startChild } from '../measure/child.ts'
import type { Scratch } from '../measure/scratch.ts'
import { preparePrinting } from '../printer/printing.ts'
import { canResolve } from './node-peers.ts'
import { getRequest, type Peer } from './peer.ts'

export async function startDurableStreams(scratch: Scratch) {
  const child = startChild(
    nodeCommand('./durable-streams-process.ts', import.meta.url, [scratch.folder()]),
    scratch,
  )
  return { child, ...(await firstLine<{ port: number }>(child)) }
}

export function durableStreamsMissing(): string | null {
  return canResolve('@durable-streams/server') ? null : 'npm ci --prefix bench'
}

export const durableStreams: Peer = {
  name: 'durable-streams, files',
  missing: durableStreamsMissing,
  async start(scratch) {
    const printing = preparePrinting(scratch.folder())
    const { child, port } = await startDurableStreams(scratch)
    const address = `http://127.0.0.1:${port}/bench`
    await fetch(address, { method: 'PUT', headers: { 'Content-Type': 'application/json' } })
    const publisher = nodeCommand('./durable-streams-publisher-process.ts', import.meta.url, [
      printing.folder,
      port,
    ])
    await firstLine(startChild(publisher, scratch))
    return {
      printing,
      port,
      pids: [child.pid],
      // The cursor is the server's own: this asks for everything after what it has now.
      async request() {
        const head = await fetch(address, { method: 'HEAD' })
        return getRequest(`/bench?live=sse&offset=${head.headers.get('stream-next-offset')}`, {})
      },
      settle: () => {},
      restart: () => Promise.reject(new Error('not measured')),
    }
  },
}
