/**
 * The private copies of git configurations that one run may change, and what becomes of its changes.
 *
 * A run sees a copy of each `.git/config`. When git has changed a copy, the launcher inside reports the new text.
 * When the run has ended, the settings that execute nothing are written into the real file. The others stay in the copy,
 * which ends with the run. The report comes from inside: nothing in it is trusted.
 *
 * Owns: per copy, the entries that the run last had. Invariants: only a file that was copied for this run is written,
 * in place (a rename would uncover it for every run that has a mount over it), and under git's own lock.
 */
import { Buffer } from 'node:buffer'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfigEntry, changeBetween, changedText, entriesOf } from './config-text.ts'
import { judgeChange } from './settings.ts'

export interface HeldBack {
  /** The configuration. */
  path: string
  /** Names of settings. */
  settings: string[]
}

interface Copy {
  /** Null if it cannot be read plainly. */
  entries: ConfigEntry[] | null
  /** Those at the beginning of the run. */
  original: ConfigEntry[]
}

const configBytesMax = 262_144
const lockTries = 20
const lockPauseMs = 50
/** A run that changes its configuration more often does not work with git. */
const changesMax = 1000

export class PrivateConfigs {
  readonly #copies = new Map<string, Copy>()
  readonly #heldBack: (held: HeldBack) => void
  #changes = 0

  constructor(heldBack: (held: HeldBack) => void) {
    this.#heldBack = heldBack
  }

  /** Returns the text for the copy. */
  copy(path: string): string {
    const text = readFileSync(path, 'utf8')
    const entries = entriesOf(text)
    this.#copies.set(path, { entries, original: entries ?? [] })
    return text
  }

  /** Takes a report of the launcher: the copy at `path` now has this text. */
  changed(path: string, text: string): void {
    this.#changes += 1
    const copy = this.#copies.get(path)
    if (this.#changes > changesMax || copy === undefined || copy.entries === null) return
    const entries = entriesOf(text)
    if (entries === null) {
      this.#heldBack({ path, settings: ['(a text that cannot be read plainly)'] })
      return
    }
    const { heldBack } = judgeChange(changeBetween(copy.entries, entries), copy.original)
    copy.entries = entries
    if (heldBack.length > 0) this.#heldBack({ path, settings: heldBack })
  }

  /** Carries what may last into the real files. Call it when no process of the run is left: git inside sees the lock. */
  async finish(): Promise<void> {
    for (const [path, { original, entries }] of this.#copies) {
      if (entries === null) continue
      const judged = judgeChange(changeBetween(original, entries), original)
      if (judged.added.length + judged.removed.length === 0) continue
      const isWritten = await writeChange(path, judged).catch(() => false)
      if (!isWritten)
        this.#heldBack({ path, settings: ['(the configuration was locked or could not be written)'] })
    }
    this.#copies.clear()
  }
}

async function writeChange(
  path: string,
  change: { added: readonly ConfigEntry[]; removed: readonly ConfigEntry[] },
): Promise<boolean> {
  const lock = await lockOf(path)
  if (lock === null) return false
  try {
    const file = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = fstatSync(file)
      if (!stat.isFile() || stat.size > configBytesMax) return false
      const text = changedText(readFileSync(file, 'utf8'), change)
      if (text === null) return false
      // One write, and never a moment without the old end or the new one.
      const bytes = Buffer.from(text)
      const padding = Buffer.alloc(Math.max(stat.size - bytes.length, 0), '\n')
      writeSync(file, Buffer.concat([bytes, padding]), 0, undefined, 0)
      ftruncateSync(file, bytes.length)
      return true
    } finally {
      closeSync(file)
    }
  } finally {
    closeSync(lock)
    unlinkSync(`${path}.lock`)
  }
}

/** Takes the lock that git takes. The lock of the change itself is gone by now. */
async function lockOf(path: string): Promise<number | null> {
  for (let tries = 0; tries < lockTries; tries += 1) {
    try {
      return openSync(`${path}.lock`, 'wx', 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return null
      await sleep(lockPauseMs)
    }
  }
  return null
}
