/** Which web addresses may be opened. */

/** Addresses where a cloud hands out the credentials of the machine that asks. */
const metadataHosts = [
  '100.100.100.200',
  '168.63.129.16',
  'metadata.google.internal',
  'metadata',
  'instance-data',
  'instance-data.ec2.internal',
  '[fd00:ec2::254]',
  '[fd20:ce::254]',
]

export function isMetadataService(url: string): boolean {
  const host = hostOf(url)
  return host !== null && isMetadataHost(host)
}

export interface UrlTrouble {
  reason: string
  /** There is nothing to ask a person about. */
  grave: boolean
}

/** What is wrong with an address a program is to open, to be said after it; null: nothing. */
export function urlTrouble(url: string): UrlTrouble | null {
  const host = hostOf(url)
  if (host !== null && isMetadataHost(host))
    return { reason: 'is where a cloud gives out credentials', grave: true }
  const plain = /^(https?:\/\/)?[\w.-]+(:\d+)?(\/[\w./@:%+,~=&?#-]*)?$/i.test(url)
  if (host === null || !plain) return { reason: 'is not a plain web address', grave: false }
  if (host === 'localhost' || host === '127.0.0.1') return null
  // Numbers and names of a local network may be anything.
  const named = /^([a-z0-9-]+\.)+[a-z]{2,}$/.test(host)
  if (!named || /\.(internal|local|lan|home|corp|nip\.io|sslip\.io|xip\.io)$/.test(host))
    return { reason: 'is not a host of the public web', grave: false }
  return null
}

function isMetadataHost(host: string): boolean {
  // Link-local IPv4, as it is and mapped into IPv6.
  return metadataHosts.includes(host) || /^169\.254\./.test(host) || /^\[::ffff:a9fe:/.test(host)
}

function hostOf(url: string): string | null {
  try {
    // Numbers in other notations (decimal, octal, hex) are written out by the parser.
    const { protocol, hostname } = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`)
    return /^https?:$/.test(protocol) ? hostname.toLowerCase().replace(/\.$/, '') : null
  } catch {
    return null
  }
}
