/**
 * Everybody who uses the server during a soak.
 *
 * Owns: the followers, the timers of what each does next, and the requests under way. All of them are
 * gone when `stop()` has resolved.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Follower } from '../../load/follower.ts'
import { Latencies } from '../../load/latencies.ts'
import { followRequest, type MillraceServer, startJob } from '../../peers/millrace.ts'

const tools = ['short', 'short', 'short', 'burst', 'failing', 'stubborn'] as const
const shareAborted = 0.15
const sharePaused = 0.1
/** Of the followers, who follow the run that does not end: the others' streams end with their runs. */
const shareOfTicker = 0.75
/**
 * How long a run with no end of its own is watched before the next one takes its place. Every newcomer reads it
 * from its first line, so that the work of a minute would grow with its age, and memory with the work.
 */
const tickerMs = 180_000
/** Of the runs started last, which are followed besides the long one. */
const recent = 20

export interface CrowdOptions {
  followers: number
  jobsPerMinute: number
}

export class Crowd {
  runsStarted = 0
  /** What the server should not have done. */
  readonly faults: string[] = []
  private readonly server: MillraceServer
  private readonly options: CrowdOptions
  private readonly ending = new AbortController()
  private readonly open = new Set<Follower>()
  private readonly busy = new Set<Promise<void>>()
  private readonly latencies = new Latencies()
  private readonly runs: string[] = []
  private ticker = ''

  constructor(server: MillraceServer, options: CrowdOptions) {
    this.server = server
    this.options = options
  }

  async start(): Promise<void> {
    await this.replaceTicker()
    this.keep(() => this.pause(tickerMs).then(() => this.replaceTicker()))
    for (let at = 0; at < this.options.followers; at++) this.keep(() => this.follow())
    this.keep(() => this.startJobs())
  }

  async stop(): Promise<void> {
    if (this.ending.signal.aborted) return
    this.ending.abort()
    for (const follower of this.open) follower.close()
    await Promise.all(this.busy)
    for (const run of [this.ticker, ...this.runs.slice(-recent * 5)]) await this.abort(run)
  }

  /** Does something again and again until the soak ends. */
  private keep(again: () => Promise<void>): void {
    const life = (async () => {
      while (!this.ending.signal.aborted) {
        try {
          await again()
        } catch (error) {
          if (!this.ending.signal.aborted) this.complain(String(error))
          await this.pause(1000)
        }
      }
    })()
    this.busy.add(life)
  }

  /** One follower's visit, from its connection to its end. */
  private async follow(): Promise<void> {
    const run =
      Math.random() < shareOfTicker
        ? this.ticker
        : (this.runs.at(-1 - Math.floor(Math.random() * recent)) ?? this.ticker)
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    const follower = new Follower({
      port: this.server.port,
      request: followRequest(this.server, run, 0),
      strict: run === this.ticker,
      after: 0,
      latencies: this.latencies,
      onOpen: (ok) => {
        if (!ok && !this.ending.signal.aborted) this.complain('a follower was refused')
      },
      onEvents: () => {},
      onClose: () => resolve(),
    })
    this.open.add(follower)
    if (Math.random() < sharePaused) {
      await this.pause(500)
      follower.pause()
      await this.pause(20_000 * Math.random())
      follower.resume()
    }
    await Promise.race([gone, this.pause(1000 + 40_000 * Math.random())])
    follower.close()
    await gone
    this.open.delete(follower)
    if (follower.lost + follower.repeated > 0)
      this.complain('a follower lost an event, or was sent one twice')
    await this.pause(500 * Math.random())
  }

  private async replaceTicker(): Promise<void> {
    if (this.ending.signal.aborted) return
    const before = this.ticker
    this.ticker = await startJob(this.server, 'ticker')
    if (before !== '') await this.abort(before)
  }

  private async startJobs(): Promise<void> {
    const tool = tools[Math.floor(Math.random() * tools.length)] ?? 'short'
    const run = await startJob(this.server, tool)
    this.runs.push(run)
    this.runsStarted += 1
    if (tool === 'stubborn' || Math.random() < shareAborted) {
      void this.pause(5000 * Math.random())
        .then(() => this.abort(run))
        .catch((error: unknown) => this.complain(String(error)))
    }
    await this.pause((60_000 / this.options.jobsPerMinute) * 2 * Math.random())
  }

  private async abort(run: string): Promise<void> {
    const response = await fetch(`${this.server.url}/api/runs/${run}/abort`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.server.token}` },
    })
    if (response.status !== 200) this.complain(`an abort was answered with ${response.status}`)
    await response.arrayBuffer()
  }

  private complain(fault: string): void {
    if (!this.faults.includes(fault)) this.faults.push(fault)
  }

  private pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.ending.signal }).catch(() => {})
  }
}
