import { expect, it } from 'vitest'
import { isPath } from '../../src/ui/path.tsx'

it('a path is cut at its beginning; commands, addresses and words are not paths', () => {
  for (const path of ['src/a.ts', '/srv/web/a-b_c.test.ts', './x']) expect(isPath(path)).toBe(true)
  for (const other of ['npm test', 'cat a/b', 'https://a/b', 'README', 'a/$(b)', ''])
    expect(isPath(other)).toBe(false)
})
