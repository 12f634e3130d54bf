/** A peer: a server that streams what the printer prints to its followers. All are measured alike. */
import type { Scratch } from '../measure/scratch.ts'
import type { Printing } from '../printer/printing.ts'

export interface Peer {
  name: string
  /** How to install it, when it is not there. */
  missing(): string | null
  start(scratch: Scratch): Promise<RunningPeer>
}

export interface RunningPeer {
  port: number
  printing: Printing
  /** The processes that serve: their memory and processor time are the server's. */
  pids: readonly number[]
  /** The request of a follower. `after`: it has seen the event of this number and wants what follows; null: live. */
  request(after: number | null): Promise<string>
  /** Collects garbage where there is any, so that memory can be read. */
  settle(): void
  /**
   * Kills the server without a warning and starts it again on what is left of its history.
   * Resolves when it listens; `printed` events had been printed.
   */
  restart(printed: number): Promise<void>
}

/** Those that are installed; says why each of the others is left out. */
export function installed<Side extends Pick<Peer, 'name' | 'missing'>>(peers: readonly Side[]): Side[] {
  return peers.filter((peer) => {
    const hint = peer.missing()
    if (hint !== null) console.error(`skipped: ${peer.name} (${hint})`)
    return hint === null
  })
}

export function getRequest(path: string, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n${lines.join('')}\r\n`
}
