/**
 * Real tools in the sandbox, with the network `internet` and caches that last: what the table of docs/sandbox.md says.
 * For the full run only: it downloads packages. A tool that is not installed is left out.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isRoot, ordinaryUser, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { giveDirectory, giveFile } from '#ownership'
import type { Sandbox } from '#sandbox'

const full = process.env.MILLRACE_TEST_FULL !== undefined
const workspace = new Workspace()
afterAll(() => workspace.close())

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
}

const certificates = '/etc/ssl/certs/ca-certificates.crt'
const env: Record<string, string> = existsSync(certificates)
  ? { NODE_EXTRA_CA_CERTS: certificates, SSL_CERT_FILE: certificates, PIP_CERT: certificates }
  : {}

/** A project with these files, of an ordinary user where possible. */
function projectWith(
  name: string,
  files: Record<string, string>,
  owner: 'us' | 'somebody' = 'somebody',
): string {
  const path = workspace.project(name, owner)
  for (const [file, text] of Object.entries(files)) {
    const at = join(path, file)
    mkdirSync(dirname(at), { recursive: true })
    writeFileSync(at, text)
    if (!isRoot || owner === 'us') continue
    giveFile(at, ordinaryUser)
    if (dirname(at) !== path) giveDirectory(dirname(at), ordinaryUser)
  }
  return path
}

const json = (value: unknown) => JSON.stringify(value)
const node = {
  name: 'x',
  version: '1.0.0',
  scripts: { test: "node -e \"require('is-odd')(3) && console.log('passed')\"" },
  dependencies: { 'is-odd': '3.0.1' },
}

const projects = {
  npm: projectWith('npm', { 'package.json': json(node) }),
  pnpm: projectWith('pnpm', { 'package.json': json(node) }),
  yarn: projectWith('yarn', { 'package.json': json({ ...node, devDependencies: { yarn: '1.22.22' } }) }),
  python: projectWith('python', { 'test_x.py': 'def test_x():\n    assert 1 + 1 == 2\n' }),
  go: projectWith('go', {
    'go.mod': 'module example.org/x\n\ngo 1.21\n\nrequire rsc.io/quote v1.5.2\n',
    'x_test.go':
      'package x\n\nimport (\n\t"testing"\n\t"rsc.io/quote"\n)\n\nfunc TestX(t *testing.T) {\n\tif quote.Hello() == "" {\n\t\tt.Fatal("nothing")\n\t}\n}\n',
  }),
  // Rust is usually in the home, which only its owner can enter.
  cargo: projectWith(
    'cargo',
    {
      'Cargo.toml':
        '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\nitoa = "1"\n',
      'src/lib.rs': '#[test]\nfn x() { assert_eq!(itoa::Buffer::new().format(7), "7"); }\n',
    },
    'us',
  ),
  make: projectWith('make', {
    Makefile: 'all: x\n\t./x\nx: x.c\n\t$(CC) -o x x.c\n',
    'x.c': '#include <stdio.h>\nint main(void) { puts("passed"); return 0; }\n',
  }),
  other: projectWith('other', {}),
}

const rows: [tool: string, project: string, needs: string, first: string, later: string, shows: RegExp][] = [
  [
    'npm',
    projects.npm,
    'npm',
    'npm install && npm test',
    'rm -rf node_modules && npm ci --offline && npm test',
    /passed/,
  ],
  [
    'pnpm',
    projects.pnpm,
    'npm',
    'npm install --prefix .tools pnpm@10.20.0 && .tools/node_modules/.bin/pnpm install && .tools/node_modules/.bin/pnpm test',
    'rm -rf node_modules && .tools/node_modules/.bin/pnpm install --offline && .tools/node_modules/.bin/pnpm test',
    /passed/,
  ],
  [
    'yarn',
    projects.yarn,
    'npm',
    'npm install --no-save yarn@1.22.22 && npx yarn install && npx yarn test',
    'npx yarn install --offline && npx yarn test',
    /passed/,
  ],
  [
    'pip, venv and pytest',
    projects.python,
    'python3',
    'python3 -m venv .venv && .venv/bin/pip install -q pytest && .venv/bin/pytest -q',
    '.venv/bin/pytest -q',
    /1 passed/,
  ],
  [
    'go',
    projects.go,
    'go',
    'go mod tidy && go test ./...',
    'GOFLAGS=-mod=mod GOPROXY=off go test ./...',
    /^ok\s+example\.org\/x\s+\(cached\)|^ok\s+example/m,
  ],
  ['cargo', projects.cargo, 'cargo', 'cargo test -q', 'rm -rf target && cargo test -q --offline', /1 passed/],
  ['make', projects.make, 'make', 'make', 'make', /passed/],
]

describe.runIf(full)('in the sandbox', () => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await workspace.open(Object.values(projects), {
      serverEnv: process.env,
      cache: { bytesMax: 2 ** 33, othersDirectory: join(workspace.root, 'caches') },
    })
  })
  const run = (project: string, script: string, options = {}) =>
    workspace.sh(sandbox, project, script, {
      env,
      cacheOwner: 'ada',
      network: 'internet',
      stdin: 'none',
      ...options,
    })

  for (const [tool, project, needs, first, later, shows] of rows) {
    it.runIf(has(needs))(
      `${tool} works, and finds its cache in the next run`,
      { timeout: 600_000 },
      async () => {
        const once = await run(project, first)
        expect(once.exit, once.stdout + once.stderr).toEqual({ code: 0, signal: null })
        expect(once.stdout).toMatch(shows)
        const at = performance.now()
        const again = await run(project, later, { network: false })
        expect(again.exit, again.stdout + again.stderr).toEqual({ code: 0, signal: null })
        expect(again.stdout).toMatch(shows)
        console.log(`${tool}: second run ${Math.round(performance.now() - at)} ms`)
      },
    )
  }

  it.runIf(has('git'))('git makes a repository, commits, and branches', { timeout: 300_000 }, async () => {
    const { exit, stderr } = await run(
      projects.other,
      'git init -q -b master . && git config user.name a && git config user.email a@b && git commit -q --allow-empty -m first && git checkout -q -b other && git branch -q -D master && git log --oneline | grep -q first',
    )
    expect({ exit, stderr }).toEqual({ exit: { code: 0, signal: null }, stderr: '' })
  })

  it.runIf(has('chromium'))(
    'Chromium renders a page, with allowNestedSandbox',
    { timeout: 300_000 },
    async () => {
      const script =
        'chromium --headless --disable-gpu --user-data-dir=/tmp/c --dump-dom "data:text/html,<p id=a></p><script>a.textContent=6*7</script>"'
      const { stdout, stderr } = await run(projects.other, script, {
        network: false,
        allowNestedSandbox: true,
      })
      expect(stdout, stderr).toContain('<p id="a">42</p>')
    },
  )

  it.runIf(has('chromium'))(
    'Playwright drives Chromium from a test, with allowNestedSandbox',
    { timeout: 300_000 },
    async () => {
      const script = [
        'npm install --no-audit --no-fund --ignore-scripts playwright@1',
        'cat > page.mjs <<"E"',
        'import { chromium } from "playwright"',
        'const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: true })',
        'const page = await browser.newPage()',
        'await page.setContent("<button>no</button>")',
        'await page.locator("button").evaluate((button) => { button.textContent = String(6 * 7) })',
        'console.log(await page.locator("button").textContent())',
        'await browser.close()',
        'E',
        'node page.mjs',
      ].join('\n')
      const project = projectWith('playwright', { 'package.json': json({ name: 'x', private: true }) })
      const { stdout, stderr } = await run(project, script, { allowNestedSandbox: true })
      expect(stdout.trimEnd().split('\n').at(-1), stderr).toBe('42')
    },
  )

  it.runIf(has('docker'))('Docker is refused', { timeout: 300_000 }, async () => {
    const { exit, stderr } = await run(projects.other, 'docker ps')
    expect(exit.code).not.toBe(0)
    expect(stderr).toMatch(/daemon|socket/i)
  })
})
