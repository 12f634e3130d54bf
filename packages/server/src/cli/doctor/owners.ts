/** Says whose runs are near the quota of an owner, before a start is refused because of it. Reads the embedded store only. */
import { messageOf } from '@millrace/protocol'
import { readLargestOwners } from '#store/sqlite/upkeep/data-directory'
import type { Check } from './check.ts'

const name = 'quota'
const nearShare = 0.8
const shownMax = 5

export function checkOwners(dataDir: string, ownerBytesMax: number): Check[] {
  try {
    const largest = readLargestOwners(dataDir, shownMax)
    if (largest === null) return []
    const near = largest.filter(({ bytes }) => bytes >= ownerBytesMax * nearShare)
    const share = (bytes: number) => `${Math.floor((bytes / ownerBytesMax) * 100)} %`
    if (near.length > 0) {
      return near.map(({ owner, bytes }) => ({
        name,
        status: 'warn',
        detail: `the runs of ${owner} take ${share(bytes)} of limits.ownerBytes; at 100 % ${owner} can start no more runs ("millrace prune" makes room)`,
      }))
    }
    const [first] = largest
    const detail =
      first === undefined
        ? 'no runs yet'
        : `the largest user is ${first.owner}, with ${share(first.bytes)} of limits.ownerBytes`
    return [{ name, status: 'ok', detail }]
  } catch (error) {
    return [
      { name, status: 'warn', detail: `the space that each user takes cannot be read: ${messageOf(error)}` },
    ]
  }
}
