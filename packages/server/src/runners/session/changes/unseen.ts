/**
 * Compares what the log says of a session's changes with what became of the files, and emits what the log does not say.
 * Nothing that happens here ends a session otherwise.
 */
import { isAbsolute, join, relative } from 'node:path'
import { type FileChange, type SessionChangedEvent, sessionChangedType } from '@millrace/protocol'
import {
  applyHunks,
  applyToChanges,
  type Changes,
  changesResponse,
  linesOf,
  newChanges,
  parseHunks,
  unchangingTypes,
} from '@millrace/protocol/view'
import type { EmittedEvent, RunContext } from '#runners/runner'
import { type Snapshot, takeSnapshot, type WholeChange } from './snapshot.ts'
import { isLeftOut } from './tree.ts'

/** Of the diffs in one event. */
const diffCharsMax = 512 * 1024

interface Place {
  projectPath: string
  cwd: string
}

export class UnseenChanges {
  readonly #snapshot: Snapshot
  readonly #place: Place
  #said: Changes = newChanges('session')

  private constructor(snapshot: Snapshot, place: Place) {
    this.#snapshot = snapshot
    this.#place = place
  }

  /** Null where the log will say everything, or nothing can be known. */
  static async open(place: Place, log: RunContext['log']): Promise<UnseenChanges | null> {
    try {
      const snapshot = await takeSnapshot(place.projectPath, place.cwd)
      return snapshot === null ? null : new UnseenChanges(snapshot, place)
    } catch (error) {
      log.warn({ err: error }, 'the files of the project could not be read')
      return null
    }
  }

  /** Takes what is on its way to the log. */
  take(events: readonly EmittedEvent[]): void {
    for (const { type, data } of events) {
      if (!unchangingTypes.includes(type))
        this.#said = applyToChanges(this.#said, { seq: this.#said.head + 1, type, data })
    }
  }

  /** Call it when no process of the session is left. */
  async report(emit: (event: EmittedEvent) => Promise<void>, log: RunContext['log']): Promise<void> {
    try {
      const event = await this.#event()
      if (event !== null) await emit(event)
    } catch (error) {
      log.warn({ err: error }, 'the files that the session changed could not be read')
    }
  }

  async #event(): Promise<EmittedEvent | null> {
    const found = await this.#snapshot.changes()
    if (found === null) return null
    const said = changesResponse(this.#said).files
    const placed = found.map((one) => ({
      ...one,
      change: { ...one.change, path: this.#shown(one.change.path) },
    }))
    const paths = new Set(placed.map(({ change }) => change.path))
    const files = placed
      .filter(
        (one) =>
          !isSaid(
            one,
            said.find(({ path }) => path === one.change.path),
          ),
      )
      .map(({ change }) => change)
    const restored = said.map(({ path }) => path).filter((path) => !paths.has(path) && this.#isCovered(path))
    if (files.length + restored.length === 0) return null
    const data: SessionChangedEvent = { files: withinBounds(files), restored }
    return { type: sessionChangedType, data }
  }

  /** As the log names a file: relative to where the agent works, or else absolute. */
  #shown(path: string): string {
    const at = join(this.#place.projectPath, path)
    const below = relative(this.#place.cwd, at)
    return below.startsWith('../') ? at : below
  }

  #isCovered(shown: string): boolean {
    const below = relative(this.#place.projectPath, isAbsolute(shown) ? shown : join(this.#place.cwd, shown))
    return !below.startsWith('../') && !isLeftOut(below)
  }
}

function isSaid({ change, texts }: WholeChange, said: FileChange | undefined): boolean {
  if (said === undefined || said.status !== change.status) return false
  if (texts === null) return true
  const made = applyHunks(linesOf(texts.before), parseHunks(said.diff))
  return made !== null && made.join('\n') === linesOf(texts.after).join('\n')
}

function withinBounds(files: readonly FileChange[]): FileChange[] {
  let left = diffCharsMax
  return files.map((file) => {
    left -= file.diff.length
    return left < 0 ? { ...file, diff: '' } : file
  })
}
