/** Folders under the system's temporary one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new folder, gone after `dispose`. */
export function scratchFolder(name = 'millrace-test-'): { path: string; dispose: () => void } {
  const path = mkdtempSync(join(tmpdir(), name))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

/** Takes a function to call when the test, or a group of tests, is over; the last one given is called first. */
export type Register = (release: () => void | Promise<void>) => void

/** A new folder that is gone when the test is over, or whatever `register` stands for. */
export function temporaryFolder(register: Register = onTestFinished): string {
  const { path, dispose } = scratchFolder()
  register(dispose)
  return path
}
