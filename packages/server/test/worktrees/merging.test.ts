import { expect, it } from 'vitest'
import { protectedNames } from '#worktrees/merging'

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
