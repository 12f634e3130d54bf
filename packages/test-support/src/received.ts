/** The events that one follower has received so far, and those who wait for more. */

export interface ReceivedEvent {
  id: string | undefined
  type: string
  data: string
}

export class Received {
  readonly events: ReceivedEvent[] = []
  readonly #waiting = new Set<() => void>()
  #over = false

  add(event: ReceivedEvent): void {
    this.events.push(event)
    this.#tell()
  }

  /** Nothing more comes. */
  end(): void {
    this.#over = true
    this.#tell()
  }

  /** Resolves with the first event that passes, even one received earlier; rejects once none can come. */
  until(wanted: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent> {
    return new Promise((found, missed) => {
      const check = () => {
        const event = this.events.find(wanted)
        if (event === undefined && !this.#over) return
        this.#waiting.delete(check)
        if (event === undefined)
          missed(new Error(`the stream ended without the event, after ${this.#last()}`))
        else found(event)
      }
      this.#waiting.add(check)
      check()
    })
  }

  #last(): string {
    const last = this.events.at(-1)
    return last === undefined ? 'no event at all' : `${last.type} ${last.data.slice(0, 1000)}`
  }

  #tell(): void {
    for (const check of this.#waiting) check()
  }
}
