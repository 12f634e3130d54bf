/**
 * Builds what is published: for each package a folder `dist/` that is a whole package of its own,
 * with JavaScript, declarations and a package.json whose exports point at them. The package.json in
 * the repository points at the TypeScript sources, which Node runs directly.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const packages = [
  'protocol',
  'client',
  'react',
  'policy',
  'sandbox',
  'scripted-model',
  'server',
  'store-conformance',
]
/** Copied as they are, where a package has them. */
const assets = ['bin', 'public', 'scripts', 'README.md', 'config.schema.json']

execFileSync(process.execPath, ['scripts/console/build.ts', '--always'], { stdio: 'inherit' })
for (const name of packages) buildPackage(name)

function buildPackage(name: string): void {
  const folder = join('packages', name)
  const dist = join(folder, 'dist')
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist, { recursive: true })
  const config = join(folder, 'tsconfig.build.json')
  execFileSync('npx', ['--no-install', 'tsc', '-p', config], { stdio: 'inherit' })
  for (const asset of assets) {
    if (existsSync(join(folder, asset))) cpSync(join(folder, asset), join(dist, asset), { recursive: true })
  }
  // The mark by which a checkout knows that its console is up to date.
  rmSync(join(dist, 'public', '.sources'), { force: true })
  cpSync('LICENSE', join(dist, 'LICENSE'))
  // What the server depends on has terms of its own.
  if (name === 'server') cpSync('NOTICE', join(dist, 'NOTICE'))
  if (name === 'scripted-model')
    cpSync('examples/sample-project', join(dist, 'sample-project'), { recursive: true })
  for (const launcher of globSync(join(dist, 'bin/*.js'))) pointToJavaScript(launcher)
  writeFileSync(
    join(dist, 'package.json'),
    `${JSON.stringify(publishedManifest(folder, readdirSync(dist)), null, 2)}\n`,
  )
}

function pointToJavaScript(launcher: string): void {
  writeFileSync(launcher, readFileSync(launcher, 'utf8').replace('../src/main.ts', '../src/main.js'), {
    mode: 0o755,
  })
}

/** With what a registry asks for: all of `dist/`, public, and signed for by the workflow that publishes it. */
function publishedManifest(folder: string, files: string[]): Record<string, unknown> {
  const {
    devDependencies: _dev,
    private: _private,
    exports: entries,
    imports: _imports,
    bin,
    ...manifest
  } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const compiled = Object.entries(entries as Record<string, string>).map(([door, source]) => {
    const base = source.replace(/\.ts$/, '')
    return [door, { types: `${base}.d.ts`, default: `${base}.js` }]
  })
  const imports = { '#*': { types: './src/*.d.ts', default: './src/*.js' } }
  const { repository } = JSON.parse(readFileSync('package.json', 'utf8')) as { repository?: object }
  return {
    engines: { node: '>=24.12' },
    ...manifest,
    // npm removes a program whose path begins with "./".
    ...(bin && { bin: mapValues(bin as Record<string, string>, (path) => path.replace(/^\.\//, '')) }),
    ...(repository && { repository: { ...repository, directory: folder } }),
    imports,
    exports: Object.fromEntries(compiled),
    files,
    publishConfig: { access: 'public', provenance: true },
  }
}

function mapValues(record: Record<string, string>, change: (value: string) => string) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
