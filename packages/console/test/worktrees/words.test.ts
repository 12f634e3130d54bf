import { expect, it } from 'vitest'
import { mergedText, standsText } from '../../src/worktrees/words.ts'

it('a worktree is described by what it has and what it lacks', () => {
  const stands = (uncommitted: number, ahead: number, behind: number) =>
    standsText({ state: { uncommitted, ahead, behind } })
  expect(stands(0, 0, 0)).toBe('nothing of its own')
  expect(stands(1, 2, 0)).toBe('1 file not committed, 2 commits ahead')
  expect(stands(0, 0, 1)).toBe('1 commit behind')
  expect(standsText({ state: null })).toBe('cannot be read')
})

it('a merge says what the branch of the project received, and whether the worktree is gone', () => {
  const merge = { commit: 'c', commits: 1, into: 'main' }
  expect(mergedText('fix', { ...merge, removed: true })).toBe(
    'fix was merged: main received 1 commit. The worktree was removed.',
  )
  expect(mergedText('fix', { ...merge, removed: false })).toBe('fix was merged: main received 1 commit.')
})
