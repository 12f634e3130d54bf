/** What a real session in a sandbox reports of its changes: by tools, by the shell in a git repository, by subagents. */
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { applyToChanges, changesResponse, newChanges } from '@millrace/protocol/view'
import { isRoot, ordinaryUser } from '@millrace/test-support/workspace'
import { beforeAll, expect, it } from 'vitest'
import type { RecordingContext } from '#test/agents/claude/support/context'
import { openSessions, say, serve, use } from '#test/agents/claude/support/sessions'

const sessions = openSessions()
/** Paths below `.git`, which no diff may change. */
const inGit = () => readdirSync(join(sessions.project, '.git'), { recursive: true }).sort()

beforeAll(() => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'safe.directory=*', ...args], { cwd: sessions.project, stdio: 'ignore' })
  writeFileSync(join(sessions.project, 'tracked.txt'), 'one\ntwo\nthree\n')
  git('init')
  git('add', '.')
  git('-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '-m', 'First')
  if (isRoot) execFileSync('chown', ['-R', `${ordinaryUser.uid}:${ordinaryUser.gid}`, sessions.project])
})

function changesOf({ events }: RecordingContext) {
  const changes = events.reduce(
    (into, { type, data }, index) => applyToChanges(into, { seq: index + 1, type, data }),
    newChanges('session'),
  )
  return changesResponse(changes)
}

it('a session reports what its tools, its shell and its subagents changed, and git has no trace of it', async () => {
  const before = inGit()
  const model = await serve([
    { ...use('Write', { file_path: '{{cwd}}/sub.txt', content: 'sub\n' }, { prompt: 'Help' }), times: 1 },
    { ...use('Bash', { command: 'echo more >> sub.txt' }, { prompt: 'Help' }), times: 1 },
    say('Helped.', { prompt: 'Help' }),
    use('Bash', { command: 'sed -i s/two/2/ tracked.txt' }),
    use('Write', { file_path: '{{cwd}}/new.txt', content: 'a\nb\n' }, { turn: 2 }),
    use('Edit', { file_path: '{{cwd}}/new.txt', old_string: 'b', new_string: 'B' }, { turn: 3 }),
    use('Agent', { description: 'Help', prompt: 'Help', subagent_type: 'general-purpose' }, { turn: 4 }),
    say('Done.'),
  ])
  const { context, outcome } = await sessions.run(model)
  expect(outcome.state).toBe('completed')
  expect(changesOf(context).files.map(({ path, status, diff }) => [path, status, diff])).toEqual([
    ['tracked.txt', 'modified', '@@ -1,3 +1,3 @@\n one\n-two\n+2\n three'],
    ['new.txt', 'added', '@@ -0,0 +1,2 @@\n+a\n+B'],
    ['sub.txt', 'added', '@@ -0,0 +1,2 @@\n+sub\n+more'],
  ])
  expect(changesOf(context).commands.map(({ command, status }) => `${status}: ${command}`)).toEqual([
    'ok: sed -i s/two/2/ tracked.txt',
    'ok: echo more >> sub.txt',
  ])
  expect(inGit()).toEqual(before)
})
