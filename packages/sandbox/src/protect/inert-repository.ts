/**
 * Checks whether a repository that a run has created contains nothing that git would execute. Such a repository
 * may stay: `git init` and `git clone` are legitimate work.
 *
 * The check is an allow-list: any setting, hook or file that is not on it makes the repository not inert.
 */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { entryAt } from '#paths'
import { textAt } from './reach.ts'

const configBytesMax = 65_536

/** Settings that only affect names or storage: `section.key`, in any subsection. */
const plainSettings = new Set([
  'core.repositoryformatversion',
  'core.filemode',
  'core.bare',
  'core.logallrefupdates',
  'core.ignorecase',
  'core.precomposeunicode',
  'core.symlinks',
  'core.autocrlf',
  'core.eol',
  'core.quotepath',
  'user.name',
  'user.email',
  'author.name',
  'author.email',
  'committer.name',
  'committer.email',
  'init.defaultbranch',
  'branch.remote',
  'branch.merge',
  'branch.rebase',
  'pull.rebase',
  'pull.ff',
  'push.default',
  'remote.fetch',
  'remote.tagopt',
])
const addressSettings = new Set(['remote.url', 'remote.pushurl'])
/** Excludes `ext::` and every other helper that git would execute. */
const plainAddress = /^(?:(?:https?|ssh|git|file):\/\/(?!-)|(?!-)[\w.-]+@(?!-)[\w.-]+:(?!:)|\.{0,2}\/)[^\s]*$/

/** `git` is the path of a `.git` that did not exist when the run began. */
export function isInertRepository(git: string): boolean {
  try {
    if (!lstatSync(git).isDirectory()) return false
    for (const name of ['commondir', 'config.worktree', 'modules', 'worktrees'])
      if (entryAt(join(git, name)) !== null) return false
    return isPlainConfig(join(git, 'config')) && holdsOnlySamples(join(git, 'hooks'))
  } catch {
    // It is being created or moved. The caller checks again.
    return entryAt(git) === null
  }
}

function isPlainConfig(path: string): boolean {
  let section = ''
  for (const line of textAt(path, configBytesMax).split('\n')) {
    const text = line.trim()
    if (text === '' || text.startsWith('#') || text.startsWith(';')) continue
    const header = /^\[([a-z0-9-]+)(?:[ \t]+"(?:[^"\\]|\\["\\])*")?\]$/i.exec(text)
    if (header?.[1] !== undefined) {
      section = header[1].toLowerCase()
      continue
    }
    const [, key, value] = /^([a-z][a-z0-9-]*)[ \t]*=[ \t]*([^\\"]*)$/i.exec(text) ?? []
    if (key === undefined || value === undefined) return false
    const name = `${section}.${key.toLowerCase()}`
    if (!plainSettings.has(name) && !(addressSettings.has(name) && plainAddress.test(value))) return false
  }
  return true
}

/** Returns true if all hooks are git's own samples, which git does not execute under those names. */
function holdsOnlySamples(hooks: string): boolean {
  const entry = entryAt(hooks)
  if (entry === null) return true
  return entry.isDirectory() && readdirSync(hooks).every((name) => name.endsWith('.sample'))
}
