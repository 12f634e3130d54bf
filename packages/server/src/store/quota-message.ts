/** Names the owner, both figures, and what helps. */
export function quotaMessage(owner: string, bytes: number, bytesMax: number): string {
  return `The runs of ${owner} take ${shownBytes(bytes)} of the ${shownBytes(bytesMax)} that limits.ownerBytes allows. Room returns when old runs are deleted: by retention, or by an admin with "millrace prune"`
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function shownBytes(bytes: number): string {
  const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  return `${step === 0 ? bytes : (bytes / 1024 ** step).toFixed(1)} ${units[step]}`
}
