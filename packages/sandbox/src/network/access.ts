/** What a run may reach: the network that its configuration gives it. */
import { isIP } from 'node:net'
import { isHostPrivate, isPublic } from './addresses.ts'

/**
 * `false`: nothing. `true`: the network of the machine, with its loopback services. `internet`: public addresses, by
 * name or number. A list: `host:port` each, where the host may begin with `*.`.
 */
export type NetworkAccess = boolean | 'internet' | readonly string[]

export interface Destination {
  /** In lower case; an IPv6 address without brackets. */
  host: string
  port: number
}

/** Returns null for anything but a host, a colon and a port. */
export function parseDestination(text: string): Destination | null {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+)):([0-9]{1,5})$/i.exec(text) ?? []
  const host = (bracketed ?? plain)?.toLowerCase().replace(/\.$/, '')
  const port = Number(digits)
  if (host === undefined || host === '' || port < 1 || port > 65_535) return null
  if (bracketed !== undefined && isIP(host) !== 6) return null
  return { host, port }
}

/** Ports of the machine's loopback interface that a list names. */
export function loopbackPortsOf(access: NetworkAccess): number[] {
  if (typeof access === 'boolean' || access === 'internet') return []
  return access.flatMap((entry) => {
    const { host, port } = parseDestination(entry) ?? {}
    return port !== undefined && (host === 'localhost' || host === '127.0.0.1') ? [port] : []
  })
}

/** Decides about a destination, and then about each address that its name stands for. */
export class Rules {
  readonly #isOpen: boolean
  readonly #listed: readonly Destination[]

  constructor(access: NetworkAccess) {
    this.#isOpen = access === 'internet'
    this.#listed = Array.isArray(access)
      ? access.flatMap((entry: string) => parseDestination(entry) ?? [])
      : []
  }

  allowsName({ host, port }: Destination): boolean {
    if (this.#isOpen) return isIP(host) === 0 ? !isLocalName(host) : isPublic(host)
    return this.#listed.some((entry) => entry.port === port && matches(entry.host, host))
  }

  /**
   * A name may lead anywhere. What its owner says must not open the machine itself, nor the metadata service of its
   * cloud; a list may name those by their number.
   */
  allowsAddress({ host }: Destination, address: string): boolean {
    if (this.#isOpen) return isPublic(address)
    return isIP(host) !== 0 || !isHostPrivate(address)
  }
}

/**
 * Names of this machine and its network, and numbers that are no address as it is usually written (`127.1`, `0x7f000001`).
 * A proxy of the server's might look them up elsewhere.
 */
function isLocalName(host: string): boolean {
  return /(?:^|\.)(?:localhost|local|internal|localdomain|home\.arpa|0x[0-9a-f]*|[0-9]+)$/.test(host)
}

function matches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
}
