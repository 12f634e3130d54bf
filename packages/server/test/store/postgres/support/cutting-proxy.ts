/** A proxy before Postgres that cuts connections: before a request arrives there, or after it did and before its answer is back. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface CuttingProxy {
  port: number
  /** How many connections were cut. */
  readonly cuts: number
  /** From here on, a packet in either direction is swallowed with this probability, and its connection cut. */
  cutWith(probability: number): void
}

/** `random` answers numbers from 0 to 1. */
export async function cuttingProxy(to: number, random: () => number): Promise<CuttingProxy> {
  let probability = 0
  let cuts = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    const end = () => {
      near.destroy()
      far.destroy()
    }
    for (const [from, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => {
        if (random() < probability) {
          cuts += 1
          end()
        } else other.write(data)
      })
      from.on('error', end)
      from.on('close', () => {
        sockets.delete(from)
        end()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((done) => server.close(done))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    get cuts() {
      return cuts
    },
    cutWith(given) {
      probability = given
    },
  }
}
