import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Listens on the loopback address; port 0 is any. */
export async function listen(server: Server, port = 0): Promise<string> {
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(port, '127.0.0.1', listening)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
