/** How a worktree stands, and what a merge did, in words. */
import type { MergeWorktreeResponse, Worktree } from '@millrace/protocol'

export function standsText({ state }: Pick<Worktree, 'state'>): string {
  if (state === null) return 'cannot be read'
  const { uncommitted, ahead, behind } = state
  const parts = [
    uncommitted > 0 && `${counted(uncommitted, 'file')} not committed`,
    ahead > 0 && `${counted(ahead, 'commit')} ahead`,
    behind > 0 && `${counted(behind, 'commit')} behind`,
  ].filter((part) => part !== false)
  return parts.length === 0 ? 'nothing of its own' : parts.join(', ')
}

export function mergedText(branch: string, { into, commits, removed }: MergeWorktreeResponse): string {
  const received = `${branch} was merged: ${into} received ${counted(commits, 'commit')}.`
  return removed ? `${received} The worktree was removed.` : received
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
