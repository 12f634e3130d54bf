import { expect, it } from 'vitest'
import type { InsideCommand, InsideGit } from '#worktrees/inside-git'
import { protectedNames } from '#worktrees/merging'
import { commitAll, merge } from '#worktrees/tree-work'

it.each([
  ['.husky/_/pre-commit', ['.husky/_'], true],
  ['.husky/pre-commit', ['.husky/_'], true],
  ['x/pre-push', ['x'], true],
  ['x', ['x'], true],
  ['xylophone', ['x'], false],
  ['pre-commit', [''], true],
  ['src/main.ts', [''], false],
  ['a.b/c', ['a.b'], true],
  ['aXb/c', ['a.b'], false],
  ['.claude/settings.json', [], true],
  ['src/.claude/settings.json', [], false],
  ['millrace.config.ts', [], true],
])('a merge that changes %s where hooks lie in %j is protected: %s', (name, hooks, is) => {
  expect(protectedNames(hooks).test(name)).toBe(is)
})

it('git that writes for a merge may take half an hour: killed, it would leave its locks behind', async () => {
  const commands: InsideCommand[] = []
  const run = async (command: InsideCommand) => {
    commands.push(command)
    const stdout = command.script.startsWith('git diff') ? '' : 'commit'
    return { code: 0, stdout, isCut: false, stderr: '' }
  }
  const git = { run, text: async (command: InsideCommand) => (await run(command)).stdout } as InsideGit
  const place = { runId: 'r', directory: '/srv/tree' }
  await commitAll(git, place, ['topic', 'Work'])
  await merge(git, place, { commit: 'c', message: 'm', protectedNames: /^never$/ })
  const writing = commands.filter(({ script }) => /git (?:commit|merge) /.test(script))
  expect(writing.map(({ timeoutMs }) => timeoutMs)).toEqual([1_800_000, 1_800_000])
})

it('a merge that fails, and whose files cannot be put back, says where to look', async () => {
  const run = async ({ script }: InsideCommand) =>
    script.includes('git merge --quiet')
      ? { code: 70, stdout: '', isCut: false, stderr: 'error: unable to write file a\n' }
      : { code: 0, stdout: '', isCut: false, stderr: '' }
  const git = { run, text: async (command: InsideCommand) => (await run(command)).stdout } as InsideGit
  const change = { commit: 'c', message: 'm', protectedNames: /^never$/ }
  expect(await merge(git, { runId: 'r', directory: '/srv/tree' }, change)).toEqual({
    kind: 'refused',
    words: 'unable to write file a; not every file could be put back: look at the project with git status',
  })
})
