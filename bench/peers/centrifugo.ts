/**
 * Centrifugo (Go), its one-way SSE transport, and a publisher beside it. Its channel keeps the last events in memory and
 * gives a client that connects the newest one. The program is named by `CENTRIFUGO`.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { quietPort } from '@millrace/test-support/server'
import { firstLine, nodeCommand, startChild } from '../measure/child.ts'
import { preparePrinting } from '../printer/printing.ts'
import { getRequest, type Peer } from './peer.ts'

const program = process.env.CENTRIFUGO ?? ''

export const centrifugo: Peer = {
  name: 'Centrifugo',
  missing: () =>
    existsSync(program)
      ? null
      : 'CENTRIFUGO=<its program>; go install github.com/centrifugal/centrifugo/v6@v6.9.1',

  async start(scratch) {
    const folder = scratch.folder()
    const printing = preparePrinting(folder)
    const port = await quietPort()
    const config = join(folder, 'config.json')
    writeFileSync(config, JSON.stringify(configuration(port)))
    const server = startChild([program, '-c', config], scratch, { stdio: ['ignore', 'pipe', 'inherit'] })
    server.process.stdout?.resume()
    while ((await fetch(`http://127.0.0.1:${port}/health`).catch(() => null)) === null) await sleep(20)
    const publisher = nodeCommand('./publisher-process.ts', import.meta.url, [
      printing.folder,
      port,
      'centrifugo',
      0,
    ])
    await firstLine(startChild(publisher, scratch))
    const query = (recover: boolean) =>
      `cf_connect=${encodeURIComponent(JSON.stringify({ subs: { bench: recover ? { recover } : {} } }))}`
    return {
      printing,
      port,
      pids: [server.pid],
      request: async (after) => getRequest(`/connection/uni_sse?${query(after !== null)}`, {}),
      settle: () => {},
      restart: () => Promise.reject(new Error('Centrifugo keeps its history in memory')),
    }
  },
}

function configuration(port: number) {
  return {
    http_server: { address: '127.0.0.1', port },
    log: { level: 'error' },
    client: { insecure: true },
    health: { enabled: true },
    http_api: { insecure: true },
    uni_sse: { enabled: true },
    channel: {
      without_namespace: {
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
        history_size: 100,
        history_ttl: '1h',
        force_recovery: true,
        force_recovery_mode: 'cache',
      },
    },
  }
}
