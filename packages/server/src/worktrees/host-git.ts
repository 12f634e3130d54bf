/**
 * Git outside the boundary, as the owner of a project: for what belongs to the repository and not to its content.
 *
 * Runs work in the trees, so nothing that a tree holds may be executed here. No hook runs, no monitor is asked, and the
 * filters that the repository itself configures are switched off: a filter may be a script of the tree. Those that the
 * owner's own configuration names (Git LFS) are the owner's programs and stay.
 */
import type { ProjectOwner } from '@millrace/sandbox'

export class GitFailure extends Error {
  override readonly name = 'GitFailure'
}

const inert = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'gc.auto=0']
const environment = { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' }

export class HostGit {
  readonly #owner: Pick<ProjectOwner, 'run'>

  constructor(owner: Pick<ProjectOwner, 'run'>) {
    this.#owner = owner
  }

  /** Returns what git prints, without the last line's end. Throws `GitFailure` with git's words. */
  async text(cwd: string, args: readonly string[], given: { input?: string } = {}): Promise<string> {
    const { code, stdout, stderr } = await this.#run(cwd, args, given)
    if (code === 0) return stdout.replace(/\n$/, '')
    throw new GitFailure(wordsOf(stderr))
  }

  async succeeds(cwd: string, args: readonly string[]): Promise<boolean> {
    return (await this.#run(cwd, args, {})).code === 0
  }

  /** Writes the files of a new tree's commit. Returns the files whose filters were switched off. */
  async checkOut(tree: string): Promise<string[]> {
    const filters = await this.#filtersOfRepository(tree)
    const off = filters.flatMap((name) => [
      [`filter.${name}.smudge`, ''],
      [`filter.${name}.clean`, ''],
      [`filter.${name}.process`, ''],
      [`filter.${name}.required`, 'false'],
    ])
    const settings = Object.fromEntries([
      ['GIT_CONFIG_COUNT', String(off.length)],
      ...off.flatMap(([key = '', value = ''], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ])
    const done = await this.#run(tree, ['reset', '--hard', '--quiet'], { env: settings })
    if (done.code !== 0) throw new GitFailure(wordsOf(done.stderr))
    return filters.length === 0 ? [] : this.#filtered(tree, filters)
  }

  async #filtersOfRepository(tree: string): Promise<string[]> {
    const pattern = String.raw`^filter\..*\.(smudge|clean|process)$`
    const listed = await this.#run(tree, ['config', '--show-scope', '-z', '--get-regexp', pattern], {})
    const parts = listed.stdout.split('\0')
    const names = new Set<string>()
    for (let at = 0; at + 1 < parts.length; at += 2) {
      const name = /^filter\.(.*)\.[a-z]+$/s.exec(parts[at + 1]?.split('\n')[0] ?? '')?.[1]
      if (name !== undefined && ['local', 'worktree'].includes(parts[at] ?? '')) names.add(name)
    }
    return [...names]
  }

  async #filtered(tree: string, filters: readonly string[]): Promise<string[]> {
    const files = await this.text(tree, ['ls-files', '-z'])
    const attributes = await this.text(tree, ['check-attr', '-z', '--stdin', 'filter'], { input: files })
    const parts = attributes.split('\0')
    const found: string[] = []
    for (let at = 0; at + 2 < parts.length; at += 3) {
      const [path, value] = [parts[at], parts[at + 2]]
      if (path !== undefined && value !== undefined && filters.includes(value)) found.push(path)
    }
    return found
  }

  #run(
    cwd: string,
    args: readonly string[],
    { env = {}, input }: { env?: Readonly<Record<string, string>>; input?: string },
  ) {
    return this.#owner.run(['git', ...inert, ...args], {
      cwd,
      env: { ...environment, ...env },
      ...(input === undefined ? {} : { input }),
    })
  }
}

/** The line with the reason: git prints hints after it. */
export function wordsOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim())
  const reason = lines.find((line) => /^(?:fatal|error):/.test(line)) ?? lines.findLast((line) => line !== '')
  return (reason ?? 'git failed without a word').replace(/^(?:fatal|error):\s*/, '')
}
