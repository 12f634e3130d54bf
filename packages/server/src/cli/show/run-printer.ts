/** Shows a run's events as they arrive: output unchanged on stdout and stderr, the rest as notes on stderr. */
import type { ExecutionResponse, Run, StreamOutputEvent } from '@millrace/protocol'
import {
  type HeldBackEvent,
  heldBackType,
  lifecycleTypes,
  type QuarantinedEvent,
  quarantinedType,
} from '@millrace/protocol'
import type { Followed } from '#cli/follow'
import type { Terminal } from '#cli/terminal'

export class RunPrinter {
  readonly #terminal: Terminal
  readonly #run: Run
  /** Of a job with a terminal: the line that is not finished. */
  #unfinished = ''

  constructor(terminal: Terminal, run: Run) {
    this.#terminal = terminal
    this.#run = run
  }

  /** With `--json` the first line is `{"run"}`, and each further one an event. */
  async begin(): Promise<void> {
    if (this.#terminal.json) await this.#terminal.value({ run: this.#run })
    else await this.#terminal.note(`run ${this.#run.id}`)
  }

  /** Prints a remark for a person. */
  note(text: string): Promise<void> {
    return this.#terminal.note(text)
  }

  async show(followed: Followed): Promise<void> {
    switch (followed.kind) {
      case 'event': {
        const { seq, type, data } = followed
        return this.#terminal.json ? this.#terminal.value({ seq, type, data }) : this.#showEvent(type, data)
      }
      case 'reset': {
        if (this.#terminal.json) await this.#terminal.value({ type: 'reset', data: followed.data })
        const { reason, firstSeq, head } = followed.data
        return this.#terminal.note(
          `this place in the log is gone (${reason}): following from event ${firstSeq} of ${head}`,
        )
      }
      case 'lost':
        return this.#terminal.note(`connection lost (${followed.reason}), trying again`)
      case 'back':
        return this.#terminal.note('connected again')
      case 'over':
        return
      default:
        return followed satisfies never
    }
  }

  async #showEvent(type: string, data: unknown): Promise<void> {
    if (type === lifecycleTypes.queued) return this.#terminal.note('queued')
    if (type === lifecycleTypes.started) return this.#terminal.note('started')
    if (this.#run.kind !== 'job') return this.#terminal.line(`${type} ${JSON.stringify(data)}`)
    switch (type) {
      case 'output':
        return this.#showOutput(data as StreamOutputEvent)
      case 'complete':
        await this.#showUnfinished()
        return this.#terminal.note(describeEnd(data as ExecutionResponse))
      case 'error':
        return this.#terminal.note(String((data as { message?: unknown }).message))
      case quarantinedType:
      case heldBackType:
        return this.#terminal.note((data as QuarantinedEvent | HeldBackEvent).message)
      default:
        return this.#terminal.note(`${type} ${JSON.stringify(data)}`)
    }
  }

  /** A carriage return begins a line anew: its last state is shown. */
  async #showUnfinished(): Promise<void> {
    if (this.#unfinished === '') return
    const states = this.#unfinished.replace(/\r*\n$/, '').split('\r')
    this.#unfinished = ''
    await this.#terminal.line(states.findLast((state) => state !== '') ?? '')
  }

  async #showOutput({ line, stream, truncated, terminal }: StreamOutputEvent): Promise<void> {
    if (terminal !== undefined) {
      this.#unfinished += line
      if (line.endsWith('\n') || this.#unfinished.length > unfinishedCharsMax) await this.#showUnfinished()
      return
    }
    if (stream === 'stderr') await this.#terminal.errorLine(line)
    else await this.#terminal.line(line)
    if (truncated !== undefined) await this.#terminal.note('the line above was too long and is cut')
  }
}

/** A line of a terminal that never ends is shown in pieces. */
const unfinishedCharsMax = 65_536

function describeEnd(result: ExecutionResponse): string {
  const after = `after ${(result.durationMs / 1000).toFixed(1)} s`
  if (result.timedOut) return `ended ${after}: it took longer than its tool allows`
  if (result.limit === 'protected') return `ended ${after}: it kept making files under protected names`
  if (result.limit === 'disk') return `ended ${after}: it was about to fill the disk of the server`
  if (result.limit !== undefined) return `ended ${after}: it exceeded its ${result.limit} limit`
  return result.signal === null
    ? `exit code ${result.exitCode} ${after}`
    : `ended by ${result.signal} ${after}`
}
