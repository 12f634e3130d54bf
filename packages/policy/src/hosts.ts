/** Addresses where a cloud hands out the credentials of the machine that asks. */
const metadataHosts = [
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  'metadata.google.internal',
  'metadata',
  '[fd00:ec2::254]',
]

export function isMetadataService(url: string): boolean {
  try {
    // Numbers in other notations (decimal, octal, hex) are written out by the parser.
    const host = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`).hostname
    return metadataHosts.includes(host.toLowerCase().replace(/\.$/, ''))
  } catch {
    return false
  }
}
