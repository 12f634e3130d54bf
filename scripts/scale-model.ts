/**
 * The cost of many followers on many nodes, computed from measured constants. `npx node scripts/scale-model.ts` prints the table
 * of docs/scale.md; a test holds the two together.
 */

/** Microseconds of one core, unless it says otherwise; docs/scale.md says where each was measured. */
export const constants = {
  /** A write of a run in a flush, and each event in it: at the node, and at Postgres. */
  nodeWrite: 8.8,
  nodeEvent: 4.3,
  pgWrite: 13.8,
  pgEvent: 1.3,
  walBytesPerEvent: 570,
  /** A log that is read in one statement with others: logs in it → node, Postgres. */
  groupReads: [
    [1, 114, 277],
    [8, 26, 37],
    [50, 9, 18],
    [200, 4.6, 6.6],
    [400, 3.5, 4.9],
  ] as const,
  /** A hint of another node, at each node that hears it. */
  hint: 43,
  /** A follower that is sent one event in a write; each further event in the same write. */
  delivery: 9.7,
  furtherEvent: 0.2,
  bytesPerFollower: 14_000,
  bytesPerNode: 130_000_000,
  /** The shortest time between two flushes of a node under load. */
  flushMs: 5,
  /** What of a core a web node uses, so that a node that dies can be borne by the others. */
  utilization: 0.6,
}

export interface Load {
  followers: number
  runs: number
  eventsPerSecond: number
  /** Which node a follower lands at: any, or, by a hash of the run's id, one for each run. */
  placement: 'random' | 'hash'
  hints: 'database' | 'redis'
}

export interface Cost {
  deliveriesPerSecond: number
  webNodes: number
  webCoresEach: number
  workers: number
  pgCores: number
  walMBPerSecond: number
  hintsHeardPerSecond: number
  /** Over all web nodes. */
  usPerDelivery: number
  webGBEach: number
}

export function costOf(load: Load): Cost {
  for (let webNodes = 1; ; webNodes += 1) {
    const cost = costWith(load, webNodes)
    if (cost.webCoresEach <= constants.utilization || webNodes >= 1000) return cost
  }
}

export function costWith(load: Load, webNodes: number): Cost {
  const c = constants
  const { followers, runs, eventsPerSecond } = load
  const flushesPerSecond = 1000 / c.flushMs
  // Events of a run that fall into one flush are one write.
  const writes = runs * flushesPerSecond * (1 - Math.exp(-eventsPerSecond / runs / flushesPerSecond))
  const perRun = followers / runs
  const nodesPerRun =
    load.placement === 'hash' ? Math.min(1, perRun) : webNodes * (1 - (1 - 1 / webNodes) ** perRun)
  const reads = writes * nodesPerRun
  const read = readCost(Math.max(1, reads / webNodes / flushesPerSecond))
  const heard = load.hints === 'database' ? writes * webNodes : reads
  const deliveries = eventsPerSecond * perRun
  const delivering = writes * perRun * c.delivery + (deliveries - writes * perRun) * c.furtherEvent
  const webUs = delivering + reads * read.node + heard * c.hint
  const workerCores = (writes * c.nodeWrite + eventsPerSecond * c.nodeEvent) / 1e6
  return {
    deliveriesPerSecond: deliveries,
    webNodes,
    webCoresEach: webUs / 1e6 / webNodes,
    workers: Math.max(1, Math.ceil(workerCores / c.utilization)),
    pgCores: (writes * c.pgWrite + eventsPerSecond * c.pgEvent + reads * read.pg) / 1e6,
    walMBPerSecond: (eventsPerSecond * c.walBytesPerEvent) / 1e6,
    hintsHeardPerSecond: heard,
    usPerDelivery: webUs / deliveries,
    webGBEach: (c.bytesPerNode + (followers / webNodes) * c.bytesPerFollower) / 1e9,
  }
}

/** Of one log, among this many in a statement: between the measured points, by the logarithm of their number. */
function readCost(logs: number): { node: number; pg: number } {
  const points = constants.groupReads
  const last = points[points.length - 1] ?? points[0]
  if (logs >= last[0]) return { node: last[1], pg: last[2] }
  const at = points.findIndex(([count]) => count > logs)
  const [from = last, to = last] = [points[at - 1], points[at]]
  const share = Math.log(logs / from[0]) / Math.log(to[0] / from[0])
  return { node: from[1] + (to[1] - from[1]) * share, pg: from[2] + (to[2] - from[2]) * share }
}

export const loads: readonly Load[] = [
  { followers: 1000, runs: 20, eventsPerSecond: 100, placement: 'random', hints: 'database' },
  { followers: 10_000, runs: 200, eventsPerSecond: 1000, placement: 'random', hints: 'database' },
  { followers: 80_000, runs: 1600, eventsPerSecond: 8000, placement: 'random', hints: 'database' },
  { followers: 80_000, runs: 1600, eventsPerSecond: 8000, placement: 'random', hints: 'redis' },
  { followers: 80_000, runs: 1600, eventsPerSecond: 8000, placement: 'hash', hints: 'redis' },
  { followers: 320_000, runs: 6400, eventsPerSecond: 32_000, placement: 'random', hints: 'redis' },
  { followers: 320_000, runs: 6400, eventsPerSecond: 32_000, placement: 'hash', hints: 'redis' },
  { followers: 1_000_000, runs: 100_000, eventsPerSecond: 200_000, placement: 'random', hints: 'redis' },
  { followers: 1_000_000, runs: 100_000, eventsPerSecond: 200_000, placement: 'hash', hints: 'redis' },
  { followers: 1_000_000, runs: 1000, eventsPerSecond: 20_000, placement: 'random', hints: 'redis' },
  { followers: 1_000_000, runs: 1, eventsPerSecond: 20, placement: 'random', hints: 'redis' },
]

const whole = (value: number) => Math.round(value).toLocaleString('en-US')
const short = (value: number) => (value >= 100 ? whole(value) : String(Number(value.toPrecision(2))))

/** The table of docs/scale.md. */
export function table(): string {
  const head = [
    'followers',
    'runs',
    'events/s',
    'deliveries/s',
    'placement',
    'hints',
    'web nodes',
    'core of each',
    'GB of each',
    'workers',
    'cores of Postgres',
    'WAL MB/s',
    'hints heard/s',
    'µs a delivery',
  ]
  const rows = loads.map((load) => {
    const cost = costOf(load)
    return [
      whole(load.followers),
      whole(load.runs),
      whole(load.eventsPerSecond),
      whole(cost.deliveriesPerSecond),
      load.placement,
      load.hints,
      String(cost.webNodes),
      short(cost.webCoresEach),
      short(cost.webGBEach),
      String(cost.workers),
      short(cost.pgCores),
      short(cost.walMBPerSecond),
      whole(cost.hintsHeardPerSecond),
      short(cost.usPerDelivery),
    ]
  })
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

if (import.meta.main) console.log(table())
