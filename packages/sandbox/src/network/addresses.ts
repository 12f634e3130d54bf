/** Kinds of IP addresses (RFC 6890 and its registries), and those of clouds that answer to the machine they run. */
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** What belongs to this machine alone, or to its link. */
const ofTheHost = listOf(
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  // Metadata services of Oracle, Azure and Alibaba.
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
  ['100.100.100.200', 32],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  // Metadata of EC2.
  ['fd00:ec2::', 32],
)

/**
 * Everything else that is not an address of the internet. The ranges for documentation and benchmarks are no network of
 * anybody's; name servers of VPNs and mirrors answer with them.
 */
const notPublic = listOf(
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['fc00::', 7],
  ['fec0::', 10],
)

/** Addresses of IPv6 that hold one of IPv4: mapped, translated (NAT64), 6to4. */
const holders: readonly (readonly [list: BlockList, at: number])[] = [
  [listOf(['::ffff:0:0', 96]), 6],
  [listOf(['64:ff9b::', 96]), 6],
  [listOf(['2002::', 16]), 1],
]

/** Is it an address of the internet, and not one of this machine's own? */
export function isPublic(address: string): boolean {
  return isAllowed(
    address,
    (plain, family) => !ofTheHost.check(plain, family) && !notPublic.check(plain, family),
  )
}

/** Does it lead to this machine, its link, or the metadata service of its cloud? */
export function isHostPrivate(address: string): boolean {
  return !isAllowed(address, (plain, family) => !ofTheHost.check(plain, family))
}

function isAllowed(address: string, isPlain: (address: string, family: 'ipv4' | 'ipv6') => boolean): boolean {
  const family = isIP(address)
  if (family === 0 || address.includes('%')) return false
  if (isOwn(address)) return false
  if (family === 4) return isPlain(address, 'ipv4')
  for (const [list, at] of holders) {
    if (!list.check(address, 'ipv6')) continue
    const held = heldIn(address, at)
    return isPlain(held, 'ipv4') && !isOwn(held)
  }
  return isPlain(address, 'ipv6')
}

/** Interfaces come and go. */
function isOwn(address: string): boolean {
  const own = new BlockList()
  for (const entries of Object.values(networkInterfaces()))
    for (const { address, family } of entries ?? [])
      own.addAddress(address.replace(/%.*/, ''), family === 'IPv6' ? 'ipv6' : 'ipv4')
  return own.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** The IPv4 address in two groups of an IPv6 address, from group `at` on. */
function heldIn(address: string, at: number): string {
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(at, at + 2)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const [, before = '', a, b, c, d] = dotted ?? []
  const plain =
    dotted === null
      ? address
      : `${before}${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`
  const [head = '', tail] = plain.split('::')
  const parse = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  if (tail === undefined) return parse(head)
  const [first, last] = [parse(head), parse(tail)]
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function listOf(...subnets: readonly (readonly [address: string, bits: number])[]): BlockList {
  const list = new BlockList()
  for (const [address, bits] of subnets) list.addSubnet(address, bits, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return list
}
