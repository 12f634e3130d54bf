/** Zero configuration: the current directory is the only project; its scripts and targets are the tools. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Project, Tool } from '../config.ts'
import { toolId } from '../schema.ts'
import { makefileTargets } from './makefile.ts'

interface ZeroConfig {
  project: Project
  tools: Map<string, Tool>
  warnings: string[]
}

/** `path` is the directory, links resolved. */
export async function zeroConfig(path: string): Promise<ZeroConfig> {
  const project = { id: idOf(path), path }
  const warnings: string[] = []
  const tools = new Map<string, Tool>()
  const add = (id: string, title: string, command: Tool['command'], env: Tool['env']) => {
    if (toolId.safeParse(id).success) tools.set(id, zeroTool(id, title, command, env, project.id))
    else warnings.push(`${JSON.stringify(id)} is skipped: it cannot be the id of a tool.`)
  }
  // `--silent`: nothing but the script's own output; the exit code is the script's either way.
  const quiet = { NPM_CONFIG_UPDATE_NOTIFIER: 'false' }
  for (const script of await npmScripts(path, warnings)) {
    add(`npm:${script}`, `npm run ${script}`, ['npm', 'run', '--silent', script], quiet)
  }
  for (const target of await makeTargets(path)) {
    add(`make:${target}`, `make ${target}`, ['make', target], {})
  }
  if (tools.size === 0) {
    warnings.push(`No tools: ${path} has no npm scripts and no Makefile targets (see millrace.config.json).`)
  }
  return { project, tools, warnings }
}

function zeroTool(
  id: string,
  title: string,
  command: Tool['command'],
  env: Tool['env'],
  project: string,
): Tool {
  return {
    id,
    title,
    command,
    args: new Map(),
    timeoutSeconds: null,
    network: true,
    env,
    projects: [project],
    allowNestedSandbox: false,
    limits: { memoryBytes: undefined, processes: undefined, outputBytes: undefined },
  }
}

/** Returns the folder's name; characters that an id cannot have become "-". */
function idOf(path: string): string {
  const id = basename(path)
    .replace(/[^\p{L}\p{N}._ -]/gu, '-')
    .replace(/^[^\p{L}\p{N}]+| +$/gu, '')
    .slice(0, 100)
    .trimEnd()
  return id === '' ? 'project' : id
}

// https://docs.npmjs.com/cli/using-npm/scripts: npm calls these by itself; nothing else should.
const lifecycle = new Set(
  `dependencies prepare prepublish prepublishOnly preinstall install postinstall prepack postpack publish
  postpublish preversion version postversion preuninstall uninstall postuninstall preshrinkwrap shrinkwrap
  postshrinkwrap`.split(/\s+/),
)

async function npmScripts(path: string, warnings: string[]): Promise<string[]> {
  const text = await readIfThere(join(path, 'package.json'))
  if (text === undefined) return []
  let manifest: unknown
  try {
    // Editors of Windows begin a file with a byte order mark, which npm ignores, too.
    manifest = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    warnings.push('package.json is not valid JSON: its scripts are skipped.')
    return []
  }
  const scripts = (manifest as { scripts?: unknown } | null)?.scripts
  if (scripts === null || typeof scripts !== 'object') return []
  const names = Object.entries(scripts).flatMap(([name, body]) => (typeof body === 'string' ? [name] : []))
  return names.filter((name) => {
    const around = /^(?:pre|post)(.+)$/.exec(name)?.[1]
    return !lifecycle.has(name) && (around === undefined || !names.includes(around))
  })
}

async function makeTargets(path: string): Promise<string[]> {
  // In GNU make's order of preference.
  for (const name of ['GNUmakefile', 'makefile', 'Makefile']) {
    const text = await readIfThere(join(path, name))
    if (text !== undefined) return makefileTargets(text)
  }
  return []
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
