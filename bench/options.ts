/** The command line's options; each benchmark reads those it knows. */
import { parseArgs } from 'node:util'

export interface Options {
  rounds: number
  /** Seconds of one window of measurement. */
  seconds: number
  /** How many followers (or runs): the cases. Null: the benchmark's own. */
  counts: number[] | null
  /** Sides to measure, by a part of their names. Null: all. */
  sides: string[] | null
  minutes: number
}

export const usage = `npm run bench -- <name> [options]

  fanout     followers of one run: events/s, latency, processor time per event
  ingest     durable appends of many runs at once
  resume     10,000 missed events until the last has come
  idle       memory of a follower that waits
  storm      10,000 followers come back after the server was killed
  output     1,000,000 lines of a job until its follower has the last
  start      from POST to the first line of output
  producers  programs elsewhere that send batches of events to external runs
  nodes      a delivery over 1, 2, 4 and 8 nodes, and what NOTIFY costs three writers
  gzip       what a stream costs and weighs compressed, flushed at every write
  boot       from the start of the program until it listens, and one command
  rest       memory and threads of a fresh server
  connect    10,000 followers that come at once, until each has its first event
  burst      ten events within a tenth of a second, to 10,000 followers
  realtime   1,000 clients that come at once, until each has subscribed
  listing    pages of listings and searches over 50,000 runs
  text       24 MB of text through one agent session: the server's memory
  all        all of these, one after the other
  charts     draws the tables of README.md (measures nothing)
  soak       followers and jobs coming and going, for --minutes

  --rounds N      rounds per side, interleaved (default 3)
  --seconds N     length of one window of measurement (default 4)
  --counts A,B    followers (fanout, idle, storm, connect, burst, nodes), clients (realtime), runs (ingest), producers, events (resume) or lines (output)
  --sides A,B     only sides whose name holds one of these
  --minutes N     length of the soak (default 30)`

export function readOptions(args: readonly string[]): { name: string; options: Options } | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '4' },
      minutes: { type: 'string', default: '30' },
      counts: { type: 'string' },
      sides: { type: 'string' },
    },
  })
  const [name] = positionals
  if (name === undefined || positionals.length > 1) return null
  return {
    name,
    options: {
      rounds: positive(values.rounds),
      seconds: positive(values.seconds),
      minutes: positive(values.minutes),
      counts: values.counts?.split(',').map(positive) ?? null,
      sides: values.sides?.split(',') ?? null,
    },
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`not a number above 0: ${text}`)
  return value
}

export function chosen<Side extends { name: string }>(all: readonly Side[], { sides }: Options): Side[] {
  return all.filter(({ name }) => sides === null || sides.some((part) => name.includes(part)))
}
