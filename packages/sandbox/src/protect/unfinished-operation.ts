/**
 * Checks whether an unfinished rebase, cherry-pick or `git am` holds nothing that `git … --continue` would execute.
 *
 * Git executes the `exec` lines of a rebase, and a merge strategy is the name of a program.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { entryAt } from '#paths'
import { textAt } from './reach.ts'

/** Directories of a repository with an operation that somebody may continue. */
export const operationNames = ['rebase-merge', 'rebase-apply', 'sequencer']

const bytesMax = 4 * 1024 ** 2
const commands =
  /^(?:pick|p|reword|r|edit|e|squash|s|fixup|f|drop|d|break|b|label|l|reset|t|merge|m|update-ref|u|noop|revert)(?:\s|$)/
const strategies = /^(?:ort|recursive|resolve|octopus|ours|subtree)?$/
const author = /^GIT_AUTHOR_(?:NAME|EMAIL|DATE)='(?:[^']|'\\'')*'$/

const lists = ['git-rebase-todo', 'git-rebase-todo.backup', 'todo']

/** `directory` is the path of one of `operationNames`. */
export function isPlainOperation(directory: string): boolean {
  try {
    if (!lstatSync(directory).isDirectory()) return false
    for (const name of lists)
      if (!linesOf(join(directory, name)).every((line) => isComment(line) || commands.test(line)))
        return false
    if (!linesOf(join(directory, 'strategy')).every((line) => strategies.test(line))) return false
    const options = linesOf(join(directory, 'opts')).map(
      (line) => /^strategy\s*=\s*"?(.*?)"?$/.exec(line)?.[1] ?? '',
    )
    if (!options.every((name) => strategies.test(name))) return false
    // Older versions of git let the shell read this file.
    return scriptOf(join(directory, 'author-script')).every((line) => author.test(line))
  } catch {
    // It is being changed or removed. The caller checks again.
    return entryAt(directory) === null
  }
}

function isComment(line: string): boolean {
  return line === '' || line.startsWith('#')
}

function linesOf(path: string): string[] {
  return textOf(path)
    .split('\n')
    .map((line) => line.trim())
}

/** A quoted name may have several lines. */
function scriptOf(path: string): string[] {
  return textOf(path)
    .split(/\n(?=GIT_)/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
}

function textOf(path: string): string {
  return textAt(path, bytesMax)
}
