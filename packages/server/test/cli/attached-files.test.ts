import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { attachedFiles } from '#cli/attached-files'

it('a file is attached under its own name, as what its ending says, and else as text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-attached-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a.PNG'), 'x')
  writeFileSync(join(folder, 'Makefile'), 'all:')
  expect(attachedFiles(['a.PNG', join(folder, 'Makefile')], folder)).toEqual([
    { name: 'a.PNG', mediaType: 'image/png', data: 'eA==' },
    { name: 'Makefile', mediaType: 'text/plain', data: 'YWxsOg==' },
  ])
  expect(() => attachedFiles(['gone.txt'], folder)).toThrow(/cannot read gone\.txt/)
})
