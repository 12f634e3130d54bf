/**
 * What a command does to files, in order, and whether one part depends on what another has changed: a
 * file that is written and then run, a place whose links were checked before they changed.
 *
 * Invariant: it errs on the side of dependence. Within a loop, a pipeline or a function, and wherever
 * something runs in the background, any order is possible.
 */

interface Event {
  /** Absolute, resolved. */
  path: string
  step: number
  /** Within a loop, a pipeline or the like. */
  joined: boolean
  /** The simple command. */
  by: number
  name: string
}

/** More are not compared with each other. */
const mostEvents = 400

export class Order {
  #step = 0
  #joined = 0
  #by = 0
  #tooMany = false
  /** Something runs at times that are not followed. */
  #anyTime = false
  readonly #written: Event[] = []
  readonly #run: Event[] = []
  readonly #used: Event[] = []
  readonly #changed: Event[] = []
  readonly #obeyed: Event[] = []

  /** The next statement begins, after all before it. */
  next(): void {
    if (this.#joined === 0) this.#step++
  }

  /** The next simple command begins. */
  begin(): void {
    this.#by++
  }

  /** What happens here may happen in any order, and more than once. */
  together(happen: () => void): void {
    this.#joined++
    happen()
    this.#joined--
    this.next()
  }

  atAnyTime(): void {
    this.#anyTime = true
  }

  writes(path: string, name: string): void {
    this.#add(this.#written, path, name)
    this.uses(path, name)
  }

  /** Runs a file, or with a directory whatever code is in it. */
  runs(path: string, name: string): void {
    this.#add(this.#run, path, name)
  }

  /** Takes a file of this very name for settings, if it is there. */
  obeys(path: string, name: string): void {
    this.#add(this.#obeyed, path, name)
  }

  uses(path: string, name: string): void {
    this.#add(this.#used, path, name)
  }

  /** Changes what is below a place in ways that are not seen: new names, new links. */
  changes(path: string, name: string): void {
    this.#add(this.#changed, path, name)
    this.#add(this.#written, path, name)
  }

  /** What cannot be read, because one part of the command depends on another. */
  conflicts(): string[] {
    const found = new Set<string>()
    if (this.#tooMany) found.add('the command has too many parts to be compared with each other')
    for (const run of this.#run) {
      const written = this.#written.find((one) => this.#mayPrecede(one, run) && feeds(one.path, run.path))
      if (written !== undefined)
        found.add(`${run.name} runs code that this very command may have written (${written.name})`)
    }
    for (const obeyed of this.#obeyed) {
      const made =
        this.#written.find((one) => one.path === obeyed.path) ??
        this.#changed.find((one) => !one.name.startsWith('git') && within(one.path, obeyed.path))
      if (made !== undefined && this.#mayPrecede(made, obeyed))
        found.add(`${obeyed.name} may obey settings that this very command has made (${made.name})`)
    }
    for (const use of this.#used) {
      const changed = this.#changed.find((one) => this.#mayPrecede(one, use) && within(one.path, use.path))
      if (changed !== undefined)
        found.add(`${use.name} works on files that ${changed.name} may have replaced in this very command`)
    }
    return [...found]
  }

  #mayPrecede(first: Event, second: Event): boolean {
    if (first.by === second.by) return false
    return (
      this.#anyTime ||
      first.step < second.step ||
      (first.step === second.step && (first.by < second.by || first.joined))
    )
  }

  #add(events: Event[], path: string, name: string): void {
    if (events.length < mostEvents) events.push(this.#event(path, name))
    else this.#tooMany = true
  }

  #event(path: string, name: string): Event {
    return { path, name, step: this.#step, joined: this.#joined > 0, by: this.#by }
  }
}

/** Logs are written beside what runs, and no runner takes them for code unless it is given them. */
const isLog = (path: string) => /\.(log|out)$/.test(path) || path.startsWith('/dev/')

function feeds(written: string, run: string): boolean {
  if (written === run || within(written, run)) return true
  return within(run, written) && !isLog(written)
}

function within(directory: string, path: string): boolean {
  return directory === path || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}
