/** Peers in Node: a plain `res.write` loop, and better-sse. */
import { createRequire } from 'node:module'
import { firstLine, nodeCommand, settling, startChild } from '../measure/child.ts'
import { preparePrinting } from '../printer/printing.ts'
import { getRequest, type Peer } from './peer.ts'

/** The default backlog of `listen`. */
const nodeBacklog = 511

export const plain = nodePeer('res.write', 'plain', nodeBacklog)
export const betterSse = nodePeer('better-sse', 'better-sse', nodeBacklog)
/** The same with room for a storm of connections, which Node's default has not. */
export const betterSseBacklog = nodePeer('better-sse, backlog 65535', 'better-sse', 65_535)

function nodePeer(name: string, kind: 'plain' | 'better-sse', backlog: number): Peer {
  return {
    name,
    missing: () => (kind === 'plain' || canResolve(kind) ? null : 'npm ci --prefix bench'),
    async start(scratch) {
      const printing = preparePrinting(scratch.folder())
      const open = async (history: number, port: number) => {
        const [node, module, ...args] = nodeCommand('./node-peer-process.ts', import.meta.url, [
          kind,
          printing.folder,
          backlog,
          history,
          port,
        ])
        const child = startChild([node, ...settling, module ?? '', ...args], scratch)
        return { child, ...(await firstLine<{ port: number }>(child)) }
      }
      let server = await open(0, 0)
      return {
        printing,
        get port() {
          return server.port
        },
        get pids() {
          return [server.child.pid]
        },
        request: async (after) => getRequest('/', after === null ? {} : { 'Last-Event-ID': String(after) }),
        settle: () => void server.child.process.kill('SIGUSR2'),
        async restart(printed) {
          await server.child.kill()
          printing.rate(0)
          server = await open(printed, server.port)
        },
      }
    },
  }
}

export function canResolve(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}
