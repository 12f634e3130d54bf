/** The benchmark's side of the load client: a process of its own with followers in it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Scratch } from '../measure/scratch.ts'
import type { Connected, LoadOrder, Reached, Window } from './orders.ts'

export interface ConnectOptions {
  port: number
  request: string
  count: number
  /** Default: 100 at a time, a ramp. */
  concurrency?: number
  /** Look at every event. */
  strict?: boolean
  /** The number before the first event that is to come. */
  after?: number
}

export class Load {
  private readonly process: ChildProcess
  private readonly died: Promise<never>

  private constructor(child: ChildProcess) {
    this.process = child
    this.died = once(child, 'exit').then(() => {
      throw new Error('the load client has ended')
    })
    this.died.catch(() => {})
  }

  static async start(scratch: Scratch): Promise<Load> {
    const child = fork(fileURLToPath(new URL('./followers-process.ts', import.meta.url)))
    scratch.onRelease(async () => {
      const gone = once(child, 'exit')
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await gone
    })
    await once(child, 'message')
    return new Load(child)
  }

  /** Opens the followers; resolves when each has its answer. Fails when one was refused. */
  async connect(options: ConnectOptions): Promise<Connected> {
    const answer = await this.order<Connected>({
      do: 'connect',
      concurrency: 100,
      strict: false,
      ...options,
      after: options.after ?? null,
    })
    if (answer.refused > 0) throw new Error(`${answer.refused} of ${options.count} followers were refused`)
    return answer
  }

  /** Resolves when every follower has seen the event of this number, or `timeoutMs` have passed. */
  reach(number: number, timeoutMs = 120_000): Promise<Reached> {
    return this.order({ do: 'await', number, timeoutMs })
  }

  mark(): Promise<unknown> {
    return this.order({ do: 'mark' })
  }

  window(): Promise<Window> {
    return this.order({ do: 'window' })
  }

  close(): Promise<unknown> {
    return this.order({ do: 'close' })
  }

  private async order<Answer>(order: LoadOrder): Promise<Answer> {
    const answer = once(this.process, 'message')
    this.process.send(order)
    const [told] = await Promise.race([answer, this.died])
    return told as Answer
  }
}
