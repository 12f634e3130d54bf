/** Which hosts a page may be fetched from: those of the public web, and what the configuration allows besides. */
import { BlockList, isIP } from 'node:net'

/** Addresses that are not of the public web: RFC 6890 and its successors. */
const notPublic: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local: also where clouds give out credentials.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  // A cloud's own services.
  '168.63.129.16/32',
  '::/127',
  // Addresses of IPv4 in other clothes.
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  '100::/64',
  '2001:db8::/32',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

const blocked = new BlockList()
for (const range of notPublic) {
  const [network = '', prefix] = range.split('/')
  blocked.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4')
}

/** Names that are never of the public web. */
const localName =
  /^(localhost|metadata|instance-data)$|\.(localhost|local|internal|lan|home|corp|intranet|private|home\.arpa|onion)$/

export function isPublicAddress(address: string): boolean {
  // Without the zone of a link-local address.
  const plain = address.replace(/%.*$/, '')
  const family = isIP(plain)
  return family !== 0 && !blocked.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/** Why the host may not be asked, as far as its name tells; null if it may. */
export function refusedHost({ hostname }: URL): string | null {
  const host = bareHost(hostname)
  if (isIP(host) !== 0) return isPublicAddress(host) ? null : `${host} is not an address of the public web`
  if (localName.test(host)) return `${host} is not a host of the public web`
  return host.includes('.') ? null : `${host} is a name of the local network`
}

/** `allowed`: `host` or `host:port`. */
export function isAllowedHost(url: URL, allowed: readonly string[]): boolean {
  const host = bareHost(url.hostname)
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return allowed.some((one) => [host, `${host}:${port}`, url.hostname, url.host].includes(one.toLowerCase()))
}

/** Without the brackets of IPv6, and without the dot at the end of a name. */
function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}
