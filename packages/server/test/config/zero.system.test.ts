import { spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { load, workspace } from './workspace.ts'

describe('without a configuration file', () => {
  it('the current directory is the one project, named after its folder', async () => {
    const root = workspace({ 'my app/': '', '.dot@folder/': '' })
    const config = await load(join(root, 'my app'))
    expect(config).toMatchObject({ configFile: null, host: '127.0.0.1', port: 4000 })
    expect([...config.projects.values()]).toEqual([{ id: 'my app', path: join(root, 'my app') }])
    expect([...(await load(join(root, '.dot@folder'))).projects.keys()]).toEqual(['dot-folder'])
  })

  it('npm scripts are tools, apart from those npm calls by itself', async () => {
    const root = workspace({
      'package.json': {
        scripts: {
          pretest: 'x',
          test: 'x',
          posttest: 'x',
          'test:unit': 'x',
          prepare: 'x',
          postinstall: 'x',
          prettier: 'x',
          preview: 'x',
          broken: 5,
          'bad name': 'x',
        },
      },
    })
    const config = await load(root)
    expect([...config.tools.keys()]).toEqual(['npm:test', 'npm:test:unit', 'npm:prettier', 'npm:preview'])
    expect(config.warnings).toEqual([expect.stringContaining('"npm:bad name" is skipped')])
    expect(config.tools.get('npm:test')).toMatchObject({
      title: 'npm run test',
      command: ['npm', 'run', 'test'],
      network: 'internet',
      timeoutSeconds: null,
      projects: [basename(root)],
    })
  })

  it('a tool that ends by itself reaches the public internet, a server the whole network, and the start says so', async () => {
    const scripts = { test: 'vitest', build: 'vite build', dev: 'vite', page: 'vite', deploy: 'x' }
    const config = await load(workspace({ 'package.json': { scripts }, 'pom.xml': '', mvnw: '' }))
    const reach = Object.fromEntries([...config.tools].map(([id, { network }]) => [id, network]))
    expect(reach).toEqual({
      'npm:test': 'internet',
      'npm:build': 'internet',
      'npm:dev': true,
      'npm:page': true,
      'npm:deploy': true,
      // Java obeys no proxy.
      'mvn:test': true,
      'mvn:verify': true,
      'mvn:package': true,
    })
    expect(config.notices).toEqual([
      expect.stringMatching(
        /8 tools found in it\. They can reach the public internet, but no service of this machine; .*npm:dev.* can reach both, .*millrace init/,
      ),
    ])
    expect((await load(workspace({ Makefile: 'all:\n' }))).notices).toEqual([
      expect.stringContaining(
        '1 tool found in it. They can reach the public internet, but no service of this machine. To change that',
      ),
    ])
    const file = workspace({ 'millrace.config.json': { projects: { a: { path: '.' } } } })
    expect((await load(file)).notices).toBeUndefined()
  })

  it('a byte order mark does not hide the scripts', async () => {
    const root = workspace({ 'package.json': '\uFEFF{"scripts":{"test":"x"}}' })
    const config = await load(root)
    expect([...config.tools.keys()]).toEqual(['npm:test'])
    expect(config.warnings).toEqual([])
  })

  it('the command of a script gives its output and exit code, and nested npm says why it failed', async () => {
    const root = workspace({ 'package.json': { scripts: { fail: 'echo out; npm ci --offline; exit 7' } } })
    const [program, ...args] = (await load(root)).tools.get('npm:fail')?.command ?? ['']
    const child = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
    expect(child.status).toBe(7)
    expect(child.stdout).toContain('\nout\n')
    // Seen failing with --silent, which npm hands down.
    expect(child.stderr).toMatch(/npm error .*package-lock\.json/)
  })

  it('Makefile targets are tools', async () => {
    const root = workspace({ Makefile: 'all: build\n\techo hi\nbuild:\n\ttrue\n' })
    const config = await load(root)
    expect([...config.tools.keys()]).toEqual(['make:all', 'make:build'])
    expect(config.tools.get('make:all')).toMatchObject({ command: ['make', 'all'], network: 'internet' })
  })

  it('a package.json that cannot be read, or no tool at all, is a warning and no obstacle', async () => {
    const config = await load(workspace({ 'package.json': '{ oops' }))
    expect(config.tools.size).toBe(0)
    expect(config.warnings).toEqual([
      expect.stringContaining('package.json is not valid JSON'),
      expect.stringContaining('No tools'),
    ])
  })
})
