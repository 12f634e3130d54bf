/** Sets up the way out of a run whose network is filtered. */
import type { ChildProcess } from 'node:child_process'
import { Server } from 'node:net'
import { MillraceError } from '@millrace/protocol'
import type { SandboxedCommand } from '#sandbox'
import { loopbackPortsOf } from './access.ts'
import { Egress, proxyPort, proxyVariables } from './egress.ts'

export interface WayOut {
  egress: Egress
  /** Where the server answers inside. */
  ports: readonly number[]
  variables: Readonly<Record<string, string>>
}

/** Returns null for a run that has the network of the machine, or none. Throws `sandbox_unavailable` without a launcher. */
export function wayOut(
  { launcher, proxyEnv }: { launcher: Buffer | null; proxyEnv: NodeJS.ProcessEnv },
  { network, services = [] }: SandboxedCommand,
): WayOut | null {
  if (network === true || (network === false && services.length === 0)) return null
  if (launcher === null) {
    throw new MillraceError(
      'sandbox_unavailable',
      `a filtered network is not available on ${process.arch}; set "network" to true or false`,
    )
  }
  const isProxied = network !== false
  const ports = [...(isProxied ? [proxyPort] : []), ...loopbackPortsOf(network), ...services]
  return {
    egress: new Egress({ access: network, proxyEnv }),
    ports: [...new Set(ports)],
    variables: isProxied ? proxyVariables() : {},
  }
}

/** Takes the sockets that the launcher inside sends, each with its port. Nothing else ever writes to that channel. */
export function takeSockets(child: ChildProcess, { egress, ports }: WayOut): void {
  child.on('error', () => {})
  child.on('message', (message, handle) => {
    const { port } = message as { port?: unknown }
    if (!(handle instanceof Server)) return
    if (typeof port === 'number' && ports.includes(port)) egress.serve(port, handle)
    else handle.close()
  })
}
