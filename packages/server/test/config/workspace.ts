/** A directory of its own for a test, removed afterwards. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type LoadInput, loadConfig } from '#config/load'
import { ConfigError, type ConfigProblem } from '#config/problems'

/** Writes the files (a path ending in "/" is a directory) and returns the directory, links resolved. */
export function workspace(files: Record<string, string | object> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-config-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name)
    if (name.endsWith('/')) {
      mkdirSync(path, { recursive: true })
      continue
    }
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return root
}

/** Loads from a directory with a state directory elsewhere and nothing of the real environment. */
export function load(cwd: string, input: Partial<LoadInput> = {}) {
  const state = workspace()
  return loadConfig({ flags: {}, cwd, ...input, env: { HOME: state, ...input.env } })
}

export async function problemsOf(cwd: string, input: Partial<LoadInput> = {}): Promise<ConfigProblem[]> {
  const error = await load(cwd, input).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, not ${error}`)
  return [...error.problems]
}
