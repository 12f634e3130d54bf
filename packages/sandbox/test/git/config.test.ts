import { describe, expect, it } from 'vitest'
import { changeBetween, changedText, entriesOf } from '#git/config-text'
import { judgeChange } from '#git/settings'

const base = '[core]\n\tbare = false\n[remote "origin"]\n\turl = https://example.org/a\n'

/** What a run that turns `before` into `after` brings about outside. */
function outcome(before: string, after: string) {
  const [old, now] = [entriesOf(before), entriesOf(after)]
  if (old === null || now === null) return null
  const judged = judgeChange(changeBetween(old, now), old)
  return { text: changedText(before, judged), heldBack: judged.heldBack }
}

describe('a change of a git configuration', () => {
  it.each([
    ['an entry beside its header', `${base}[core] fsmonitor = evil\n`],
    ['a header with a newline', `${base}[branch "a\n"]\n\tremote = origin\n`],
    ['a text before any section', `fsmonitor = evil\n${base}`],
  ])('that holds %s is not understood, and nothing is carried over', (_what, after) => {
    expect(outcome(base, after)).toBe(null)
  })

  it.each([
    ['a quoted value', '[branch "a"]\n\tremote = "origin"\n', 'branch.a.remote'],
    ['a continued value', '[branch "a"]\n\tremote = or\\\nigin\n', 'branch.a.remote'],
    ['a comment behind', '[branch "a"]\n\tremote = origin ; x\n', 'branch.a.remote'],
    ['a carriage return in a value', '[branch "a"]\n\tdescription = x\r[core]\n', 'branch.a.description'],
    ['no value', '[branch "a"]\n\trebase\n', 'branch.a.rebase'],
    ['an escaped subsection', '[branch "a\\""]\n\tremote = origin\n', 'branch.a\\".remote'],
    ['an option as a remote', '[branch "a"]\n\tremote = --upload-pack=evil\n', 'branch.a.remote'],
    ['a helper as a remote', '[branch "a"]\n\tremote = ext::evil\n', 'branch.a.remote'],
    ['an option as a host', '[remote "b"]\n\turl = ssh://-oProxyCommand=evil/x\n', 'remote.b.url'],
    ['a local path', '[remote "b"]\n\turl = /tmp/evil\n', 'remote.b.url'],
    ['a program for a remote', '[remote "b"]\n\tuploadpack = evil\n', 'remote.b.uploadpack'],
    ['a command for a submodule', '[submodule "b"]\n\tupdate = !evil\n', 'submodule.b.update'],
    [
      'another push address',
      '[remote "origin"]\n\tpushurl = https://evil.example/a\n',
      'remote.origin.pushurl',
    ],
  ])('with %s is held back', (_what, added, setting) => {
    expect(outcome(base, base + added)).toEqual({ text: base, heldBack: [setting] })
  })

  it('keeps comments, order and odd lines of the owner', () => {
    const before = `# mine\n[Core]\n\tbare = false ; why\n\n[alias]\n\tx = a \\\n b\n[branch "gone"]\n\tremote = origin\n`
    const after = `[alias]\n\tx = a \\\n b\n[core]\n\tbare = false ; why\n[branch "new"]\n\tremote = origin\n`
    expect(outcome(before, after)).toEqual({
      text: `# mine\n[Core]\n\tbare = false ; why\n\n[alias]\n\tx = a \\\n b\n[branch "new"]\n\tremote = origin\n`,
      heldBack: [],
    })
  })

  it('that takes settings away takes only those that a run may set', () => {
    expect(outcome(`${base}[branch "a"]\n\tremote = origin\n`, '')).toEqual({
      text: base,
      heldBack: ['core.bare', 'remote.origin.url'],
    })
  })
})
