import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { jobEnvironment } from '#runners/job/runner'
import { load, problemsOf, workspace } from './workspace.ts'

const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

function project(config: object = {}): string {
  return workspace({ 'millrace.config.json': { projects: { web: { path: '.' } }, ...config } })
}

describe('the environment of runs', () => {
  it('proxies pass without being asked for, in both spellings', async () => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', http_proxy: 'http://proxy:3128', NO_PROXY: 'intern' }
    expect((await load(project(), { env })).sandbox.env).toEqual(env)
  })

  it('a variable that nothing names does not pass', async () => {
    const env = { AWS_SECRET_ACCESS_KEY: 'x', SSH_AUTH_SOCK: '/run/agent', EDITOR: 'vi', CI: '1' }
    expect((await load(project(), { env })).sandbox.env).toEqual({})
  })

  it('sandbox.passEnv passes a variable, and sandbox.env has the last word', async () => {
    const root = project({ sandbox: { passEnv: ['GOPROXY', 'UNSET', 'EDITOR'], env: { EDITOR: 'ed' } } })
    const { sandbox } = await load(root, { env: { GOPROXY: 'https://goproxy.example', EDITOR: 'vi' } })
    expect(sandbox.env).toEqual({ GOPROXY: 'https://goproxy.example', EDITOR: 'ed' })
  })

  it.each(['http://me:secret@proxy:3128', 'me:secret@proxy:3128', 'http://token@proxy'])(
    'a proxy with a password (%s) passes only when it is named',
    async (HTTPS_PROXY) => {
      const withheld = await load(project(), { env: { HTTPS_PROXY } })
      expect(withheld.sandbox.env).toEqual({})
      expect(withheld.warnings.join()).toMatch(/HTTPS_PROXY holds a password/)
      expect(withheld.warnings.join()).not.toContain('secret@')
      const named = await load(project({ sandbox: { passEnv: ['HTTPS_PROXY'] } }), { env: { HTTPS_PROXY } })
      expect(named.sandbox.env).toEqual({ HTTPS_PROXY })
    },
  )
})

describe('secrets of the server', () => {
  it.each([
    'MILLRACE_TOKEN',
    'MILLRACE_DATA',
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_AUTH_TOKEN',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'PATH',
    'HOME',
    'OTHER_KEY',
    'SIGNING',
  ])('%s cannot be passed or set', async (name) => {
    const config = {
      models: { m: { provider: 'anthropic', model: 'x', apiKeyEnv: 'OTHER_KEY' } },
      auth: { jwt: { secretEnv: 'SIGNING' } },
      sandbox: { passEnv: [name], env: { [name]: 'x' } },
    }
    const env = { OTHER_KEY: 'a-key-of-a-model', SIGNING: 'x'.repeat(40) }
    const found = await problemsOf(project(config), { env })
    expect(found.map(({ path }) => path)).toEqual([`sandbox.env.${name}`, 'sandbox.passEnv.0'])
  })

  it('a secret does not pass under another name, nor within a value', async () => {
    const env = {
      ANTHROPIC_API_KEY: 'sk-made-up-key',
      MILLRACE_TOKEN: 'made-up-admin-token',
      COPY: 'Bearer sk-made-up-key',
      NO_PROXY: 'made-up-admin-token',
    }
    const { sandbox, warnings } = await load(project({ sandbox: { passEnv: ['COPY'] } }), { env })
    expect(sandbox.env).toEqual({})
    expect(warnings.filter((warning) => /holds a secret/.test(warning))).toHaveLength(2)
    expect(warnings.join()).not.toContain('sk-made-up-key')
  })
})

describe('certificate authorities', () => {
  it.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO'])(
    '%s passes with the file it names, links resolved',
    async (name) => {
      const root = project()
      writeFileSync(join(root, 'ca.pem'), certificate)
      symlinkSync('ca.pem', join(root, 'link.pem'))
      const { sandbox } = await load(root, { env: { [name]: join(root, 'link.pem') } })
      expect(sandbox).toMatchObject({
        env: { [name]: join(root, 'ca.pem') },
        certificates: [join(root, 'ca.pem')],
      })
    },
  )

  it('a file with a private key, a missing one and a relative one do not pass', async () => {
    const root = project()
    writeFileSync(join(root, 'both.pem'), `${certificate}-----BEGIN EC PRIVATE KEY-----\n`)
    const env = {
      SSL_CERT_FILE: join(root, 'both.pem'),
      CURL_CA_BUNDLE: '/no/such/file',
      GIT_SSL_CAINFO: 'ca.pem',
    }
    const { sandbox, warnings } = await load(root, { env })
    expect(sandbox).toMatchObject({ env: {}, certificates: [] })
    expect(warnings.filter((warning) => /is not passed to runs/.test(warning))).toHaveLength(3)
  })

  it('a directory passes when it holds certificates alone', async () => {
    const root = project()
    const certs = join(root, 'certs')
    mkdirSync(certs)
    writeFileSync(join(certs, 'one.pem'), certificate)
    const { sandbox } = await load(root, { env: { SSL_CERT_DIR: certs } })
    expect(sandbox.certificates).toEqual([certs])
    writeFileSync(join(certs, 'host.key'), '-----BEGIN PRIVATE KEY-----\n')
    expect((await load(root, { env: { SSL_CERT_DIR: certs } })).sandbox.certificates).toEqual([])
    for (const path of ['/', root]) {
      expect((await load(root, { env: { SSL_CERT_DIR: path } })).sandbox.certificates).toEqual([])
    }
  })
})

describe('the environment of a job', () => {
  it('output is in colour and unbuffered, and CI is not claimed', () => {
    expect(jobEnvironment({}, {})).toEqual({
      LANG: 'C.UTF-8',
      LC_ALL: 'C.UTF-8',
      TERM: 'xterm-256color',
      FORCE_COLOR: '1',
      CARGO_TERM_COLOR: 'always',
      PYTHONUNBUFFERED: '1',
    })
  })

  it('a tool has the last word, then sandbox.env, then what is usual', () => {
    const env = jobEnvironment({ TERM: 'vt100', A: 'run', B: 'run' }, { A: 'tool' })
    expect(env).toMatchObject({ TERM: 'vt100', A: 'tool', B: 'run' })
  })

  it('colour is not forced on a tool that asks for none', () => {
    const names = Object.keys(jobEnvironment({}, { NO_COLOR: '1' }))
    expect(names.filter((name) => name.includes('COLOR'))).toEqual(['NO_COLOR'])
  })
})
