/**
 * The programs of the file tools, as files for the home of a call. They are sent along with each call, so that they
 * need not be installed where the owner of a project can read them.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export type InsideTool = 'read' | 'search' | 'list' | 'edit' | 'write' | 'fetch'

/** Below the home of a call. */
const folder = '.millrace-tools'
const source = fileURLToPath(new URL('inside/', import.meta.url))
/** The sources are TypeScript in the repository and JavaScript when published. */
const extension = extname(import.meta.url)

/** Libraries whose modules import nothing but each other; `main` is where they are sent to. */
const libraries = [
  { name: 're2js', main: 're2js.mjs' },
  { name: '@mdream/js', main: 'mdream/index.mjs' },
] as const

let modules: Promise<ReadonlyMap<string, string>> | undefined

/** Runs the program of a tool: `HOME` is known only inside. */
export function programArguments(tool: InsideTool): string[] {
  const start = `import(process.env.HOME + '/${folder}/main.mjs').then(({ main }) => main('${tool}'))`
  return ['--input-type=module', '--eval', start]
}

/** The modules that the program of a tool consists of: path below the home → content. */
export async function programFiles(tool: InsideTool): Promise<Map<string, string>> {
  modules ??= loadModules()
  const all = await modules
  const files = new Map<string, string>()
  const waiting = ['main.mjs', `${tool}.mjs`]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const path = `${folder}/${name}`
    const content = all.get(name)
    if (content === undefined) throw new Error(`the program of the tool ${tool} has no module ${name}`)
    if (files.has(path)) continue
    files.set(path, content)
    for (const [, imported] of content.matchAll(/(?:from|import) ?['"](\.[^'"]+\.mjs)['"]/g))
      waiting.push(join(dirname(name), imported ?? ''))
  }
  return files
}

async function loadModules(): Promise<ReadonlyMap<string, string>> {
  const names = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (name) => extname(name) === extension,
  )
  const texts = names.map((name) => readFileSync(join(source, name), 'utf8'))
  const scripts = extension === '.ts' ? await withoutTypes(texts) : texts
  const own = names.map((name, index): [string, string] => {
    const path = `${name.slice(0, -extension.length)}.mjs`
    return [path, withModuleNames(path, scripts[index] ?? '')]
  })
  return new Map([...own, ...libraryModules()])
}

/** Leads imports to the modules as they are sent along. */
function withModuleNames(path: string, script: string): string {
  const up = relative(dirname(path), '.') || '.'
  let text = script.replaceAll(/(from '\.\.?\/[^'.]+)\.[jt]s'/g, "$1.mjs'")
  for (const { name, main } of libraries) text = text.replaceAll(`from '${name}'`, `from './${up}/${main}'`)
  return text
}

function libraryModules(): [string, string][] {
  return libraries.flatMap(({ name, main }) => {
    const file = fileURLToPath(import.meta.resolve(name))
    const folder = dirname(main)
    if (folder === '.') return [[main, readFileSync(file, 'utf8')] as [string, string]]
    return readdirSync(dirname(file), { recursive: true, encoding: 'utf8' })
      .filter((one) => one.endsWith('.mjs'))
      .map((one): [string, string] => [join(folder, one), readFileSync(join(dirname(file), one), 'utf8')])
  })
}

/**
 * Removes the types once for all calls: Node would need 40 ms for it in each. In a process of its own, because the
 * function for it prints a warning that concerns nobody.
 */
async function withoutTypes(texts: readonly string[]): Promise<string[]> {
  const script = `
    const { stripTypeScriptTypes } = require('node:module')
    const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
    process.stdout.write(JSON.stringify(texts.map((text) => stripTypeScriptTypes(text))))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=commonjs', '--eval', script]
  const running = promisify(execFile)(process.execPath, args, { env: {}, maxBuffer: 64 * 1024 ** 2 })
  running.child.stdin?.end(JSON.stringify(texts))
  return JSON.parse((await running).stdout) as string[]
}
