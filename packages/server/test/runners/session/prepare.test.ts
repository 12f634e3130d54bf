import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { Workspace } from '@millrace/test-support/workspace'
import { afterAll, describe, expect, it } from 'vitest'
import { prepareSession } from '#runners/session/prepare'

const workspace = new Workspace()
const path = workspace.project('web')
mkdirSync(join(path, 'sub'))
mkdirSync(join(workspace.root, 'web-of-others'))
writeFileSync(join(path, 'file'), '')
symlinkSync(join(path, 'sub'), join(path, 'inner'))
symlinkSync(workspace.root, join(path, 'outer'))
symlinkSync('loop', join(path, 'loop'))
afterAll(() => workspace.close())

const config = { projects: new Map([['web', { id: 'web', path }]]) }
const prepare = (request: Record<string, unknown>) =>
  prepareSession({ kind: 'session', project: 'web', prompt: 'Go', ...request }, config)

function fieldsOf(request: Record<string, unknown>): (string | undefined)[] {
  try {
    prepare(request)
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'invalid_request') {
      return error.fields?.map((field) => field.path) ?? []
    }
    throw error
  }
  return ['it was taken']
}

describe('a request for a session', () => {
  it('a request becomes a spec with what was requested and no more', () => {
    expect(prepare({})).toEqual({ project: 'web', spec: { project: 'web', prompt: 'Go' } })
    const asked = { model: 'm', approvals: 'on', cwd: 'sub' }
    expect(prepare({ ...asked, more: 1 }).spec).toEqual({
      project: 'web',
      prompt: 'Go',
      model: 'm',
      approvals: 'on',
      cwd: join(path, 'sub'),
    })
  })

  it('a request may name its directory in any way that leads inside, and its spec is good for another run', () => {
    for (const cwd of ['.', './sub/..', path, `${path}/`]) expect(prepare({ cwd }).spec.cwd).toBe(path)
    for (const cwd of ['sub', 'inner', join(path, 'inner')]) {
      const { spec } = prepare({ cwd })
      expect(spec.cwd).toBe(join(path, 'sub'))
      expect(prepare(spec).spec).toEqual(spec)
    }
  })

  it('a request is refused if its directory leads outside, is not a directory, or does not exist', () => {
    const outside = ['..', '/', 'outer', 'outer/data', `${path}-of-others`, '../web-of-others', '/nowhere']
    for (const cwd of [...outside, 'file', 'missing', 'loop', 'file/x', 'a\0b', '', 7]) {
      expect(fieldsOf({ cwd }), String(cwd)).toEqual(['cwd'])
    }
    // The refusal does not reveal whether something outside exists.
    const told = (cwd: string) => {
      try {
        return prepare({ cwd })
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(told('/nowhere')).toBe(told('/etc'))
    expect(told('/nowhere')).toBe('cwd: a working directory inside the project web')
  })

  it('a request is refused for an unknown project, naming the known ones, and for a blank prompt', () => {
    expect(fieldsOf({ project: 'wob', prompt: ' ' })).toEqual(['project', 'prompt'])
    expect(() => prepare({ project: 'wob' })).toThrow('There is no project "wob"; known: web')
    expect(fieldsOf({ prompt: undefined })).toEqual(['prompt'])
  })
})
