import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { load, problemsOf, workspace } from './workspace.ts'

const minimal = { projects: { web: { path: '.' } } }

describe('the configuration file', () => {
  it.each([
    ['millrace.config.json', JSON.stringify(minimal)],
    ['millrace.config.js', `export default ${JSON.stringify(minimal)}`],
    [
      'millrace.config.ts',
      `const path: string = '.'\nexport default { projects: { web: { path } } } satisfies object`,
    ],
  ])('a configuration file is found in the current directory: %s', async (name, content) => {
    const root = workspace({ [name]: content })
    const config = await load(root)
    expect(config.configFile).toBe(join(root, name))
    expect(config.projects.get('web')).toEqual({ id: 'web', path: root })
  })

  it('a configuration file may be CommonJS', async () => {
    const root = workspace({
      'package.json': { type: 'commonjs' },
      'millrace.config.js': `module.exports = ${JSON.stringify(minimal)}`,
    })
    expect((await load(root)).projects.has('web')).toBe(true)
  })

  it('an empty configuration file, such as a sandbox creates as a mount point, is ignored', async () => {
    const root = workspace({ 'millrace.config.ts': '', 'millrace.config.js': '', 'millrace.config.json': '' })
    expect((await load(root)).configFile).toBeNull()
  })

  it('two configuration files are a problem, not a guess', async () => {
    const root = workspace({ 'millrace.config.js': 'export default {}', 'millrace.config.json': '{}' })
    expect(await problemsOf(root)).toEqual([
      { path: root, expected: expect.stringMatching(/^one configuration file, not 2: .*\.js, .*\.json$/) },
    ])
  })

  it('the configuration file is that of --config, else that of MILLRACE_CONFIG', async () => {
    const root = workspace({ 'a/one.json': minimal, 'b/two.json': minimal })
    const env = { MILLRACE_CONFIG: 'b/two.json' }
    expect((await load(root, { env })).configFile).toBe(join(root, 'b/two.json'))
    const flagged = await load(root, { env, flags: { config: 'a/one.json' } })
    expect(flagged.configFile).toBe(join(root, 'a/one.json'))
    expect(flagged.projects.get('web')?.path).toBe(join(root, 'a'))
  })

  it('a named configuration file must exist', async () => {
    const root = workspace({ 'sub/': '' })
    expect(await problemsOf(root, { flags: { config: 'no.json' } })).toEqual([
      { path: '--config', expected: `the path of a file; ${join(root, 'no.json')} is not one` },
    ])
    expect(await problemsOf(root, { env: { MILLRACE_CONFIG: 'sub' } })).toEqual([
      { path: 'MILLRACE_CONFIG', expected: `the path of a file; ${join(root, 'sub')} is not one` },
    ])
  })

  it('a configuration file must have a known extension', async () => {
    const root = workspace({ 'millrace.yaml': 'projects: {}' })
    expect(await problemsOf(root, { flags: { config: 'millrace.yaml' } })).toEqual([
      { path: join(root, 'millrace.yaml'), expected: 'a file name that ends in .ts, .js or .json' },
    ])
  })

  it('project paths are relative to where the configuration file really is', async () => {
    const root = workspace({ 'real/millrace.json': { projects: { web: { path: 'web' } } }, 'real/web/': '' })
    symlinkSync(join(root, 'real/millrace.json'), join(root, 'link.json'))
    const config = await load(root, { flags: { config: 'link.json' } })
    expect(config.projects.get('web')?.path).toBe(join(root, 'real/web'))
  })

  it('broken JSON is reported with line and column', async () => {
    const root = workspace({ 'millrace.config.json': '{\n  "projects": { "web": oops }\n}' })
    expect(await problemsOf(root)).toEqual([
      { path: `${join(root, 'millrace.config.json')}:2:24`, expected: 'valid JSON from here on' },
    ])
  })

  it('a comment in JSON is reported with the name of a file that may have comments', async () => {
    const root = workspace({ 'millrace.config.json': '{\n  // my project\n  "projects": {}\n}' })
    expect(await problemsOf(root)).toEqual([
      {
        path: `${join(root, 'millrace.config.json')}:2:3`,
        expected: expect.stringContaining('JSON has no comments'),
      },
    ])
  })

  it('a configuration file that does not compile, throws, or exports no object is reported with all other problems', async () => {
    const broken = workspace({ 'millrace.config.js': 'export default {\n  projects: ]\n}' })
    const [syntax, port] = await problemsOf(broken, { flags: { port: 'x' } })
    expect(syntax?.path).toMatch(/millrace\.config\.js/)
    expect(syntax?.expected).toMatch(/^a module that can be loaded: ./)
    expect(port?.path).toBe('--port')

    const throwing = workspace({ 'millrace.config.js': 'throw new Error("no such secret store")' })
    expect((await problemsOf(throwing))[0]?.expected).toContain('no such secret store')

    for (const content of ['export const x = 1', 'export default () => ({})', 'export default [1]']) {
      const root = workspace({ 'millrace.config.js': content })
      expect(await problemsOf(root)).toEqual([
        { path: join(root, 'millrace.config.js'), expected: 'an object as its default export' },
      ])
    }
  })
})
