/**
 * Which settings a run may change in the configuration of a repository that is not its own making. Git executes what
 * many settings say (`core.fsmonitor`, `core.sshCommand`, aliases, filters, pagers, …), and new ones come with every
 * version, so the list is of those that name things and execute nothing.
 */
import type { ConfigEntry } from './config-text.ts'

/** Excludes `ext::` and every other helper, and directories, whose hooks a push would run. */
const address = /^(?:(?:https?|ssh|git):\/\/(?!-)|(?!-)[\w.-]+@(?!-)[\w.-]+:(?![:-]))[^\s\p{Cc}]*$/u
const remoteName = /^(?:\.|[A-Za-z0-9_][\w.-]*(?:\/[\w.-]+)*)$/
const reference = /^[^\s\p{Cc}]{1,1000}$/u
const anyText = /^[^\p{Cc}]{0,1000}$/u
const choice = (...values: string[]) => new RegExp(`^(?:${values.join('|')})$`)
const flag = choice('true', 'false')

/** `section.name` → the values that may be set. */
const changeable: Readonly<Record<string, RegExp>> = {
  'branch.remote': remoteName,
  'branch.pushremote': remoteName,
  'branch.merge': reference,
  'branch.rebase': choice('true', 'false', 'merges', 'interactive'),
  'branch.description': anyText,
  'pull.rebase': choice('true', 'false', 'merges', 'interactive'),
  'pull.ff': choice('true', 'false', 'only'),
  'push.default': choice('nothing', 'current', 'upstream', 'simple', 'matching'),
  'push.autosetupremote': flag,
  'fetch.prune': flag,
  'rerere.enabled': flag,
  'user.name': anyText,
  'user.email': anyText,
  'submodule.active': flag,
}
/** A run adds remotes. It does not move those that exist: people push to them. */
const addable: Readonly<Record<string, RegExp>> = {
  'remote.url': address,
  'remote.pushurl': address,
  'remote.fetch': reference,
  'remote.tagopt': choice('--tags', '--no-tags'),
  'submodule.url': address,
}
/** A subsection is part of addresses and file names. */
const plainSubsection = /^[^"\\\p{Cc}-][^"\\\p{Cc}]*$/u

export interface Judged {
  added: ConfigEntry[]
  removed: ConfigEntry[]
  /** What the run may not change, as `section.subsection.name`. */
  heldBack: string[]
}

/** `original`: all entries when the run began. */
export function judgeChange(
  change: { added: readonly ConfigEntry[]; removed: readonly ConfigEntry[] },
  original: readonly ConfigEntry[],
): Judged {
  const known = new Set(original.map(({ section, subsection }) => JSON.stringify([section, subsection])))
  const isNew = ({ section, subsection }: ConfigEntry) => !known.has(JSON.stringify([section, subsection]))
  const mayAdd = (entry: ConfigEntry) => {
    const key = `${entry.section}.${entry.name}`
    const values = changeable[key] ?? (isNew(entry) ? addable[key] : undefined)
    if (entry.subsection !== null && !plainSubsection.test(entry.subsection)) return false
    return values !== undefined && entry.value !== null && values.test(entry.value)
  }
  const mayRemove = (entry: ConfigEntry) => {
    const key = `${entry.section}.${entry.name}`
    return changeable[key] !== undefined || (isNew(entry) && addable[key] !== undefined)
  }
  const refused = [
    ...change.added.filter((entry) => !mayAdd(entry)),
    ...change.removed.filter((entry) => !mayRemove(entry)),
  ]
  return {
    added: change.added.filter(mayAdd),
    removed: change.removed.filter(mayRemove),
    heldBack: [...new Set(refused.map(nameOf))],
  }
}

function nameOf({ section, subsection, name }: ConfigEntry): string {
  return [section, ...(subsection === null ? [] : [subsection]), name].join('.')
}
