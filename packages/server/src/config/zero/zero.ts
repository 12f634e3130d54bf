/** Zero configuration: the current directory is the only project; what is found in it are the tools. */
import { basename } from 'node:path'
import type { Project, Tool } from '../config.ts'
import { type ConfigFile, toolId } from '../schema.ts'
import { cargoTools, goTools, gradleTools, mavenTools } from './builders.ts'
import { type Finder, Folder, type FoundTool } from './folder.ts'
import { pythonTools } from './python.ts'
import { composerScripts, packageScripts } from './scripts.ts'
import { justRecipes, makeTargets, taskfileTasks } from './task-files.ts'

export interface ZeroConfig {
  project: Project
  tools: Map<string, Tool>
  warnings: string[]
  /** What a person should know who configured nothing. */
  notices: string[]
}

const finders: readonly Finder[] = [
  packageScripts,
  pythonTools,
  goTools,
  cargoTools,
  mavenTools,
  gradleTools,
  composerScripts,
  justRecipes,
  taskfileTasks,
  makeTargets,
]

/** `path` is the directory, links resolved; `env` has the PATH on which programs are looked for. */
export async function zeroConfig(path: string, env: NodeJS.ProcessEnv): Promise<ZeroConfig> {
  const project = { id: idOf(path), path }
  const folder = new Folder(path, env)
  const found: FoundTool[] = []
  for (const finder of finders) found.push(...inOrder(await finder(folder)))
  const { warnings } = folder
  const tools = new Map<string, Tool>()
  for (const tool of found.toSorted((left, right) => Number(comesLast(left)) - Number(comesLast(right)))) {
    if (nameOf(tool.id).startsWith('-'))
      warnings.push(`${JSON.stringify(tool.id)} is skipped: its name looks like an option.`)
    else if (toolId.safeParse(tool.id).success) tools.set(tool.id, zeroTool(tool, project.id))
    else warnings.push(`${JSON.stringify(tool.id)} is skipped: it cannot be the id of a tool.`)
  }
  if (tools.size === 0) {
    warnings.push(`No tools were found in ${path}: define some in a millrace.config.json.`)
  }
  return { project, tools, warnings, notices: tools.size === 0 ? [] : [noticeOf(project, tools)] }
}

/** The file that gives the same projects and tools, from the directory itself. */
export function asConfigFile({ project, tools }: ZeroConfig): ConfigFile {
  const entries = [...tools].map(([id, { title, command, network, env }]) => [
    id,
    { title, command: [...command], network, ...(Object.keys(env).length === 0 ? {} : { env }) },
  ])
  return { projects: { [project.id]: { path: '.' } }, tools: Object.fromEntries(entries) }
}

/** For people: what the tools reach, and how to change it. */
function noticeOf({ id, path }: Project, tools: ReadonlyMap<string, Tool>): string {
  const whole = [...tools.values()].filter(({ network }) => network === true).map((tool) => tool.id)
  const shown = whole.length > 5 ? `${whole.slice(0, 5).join(', ')}, …` : whole.join(', ')
  const reach =
    whole.length === tools.size
      ? 'They can reach the whole network of this machine, including its services.'
      : `They can reach the public internet, but no service of this machine${whole.length === 0 ? '' : `; ${shown} can reach both, since servers and programs that ignore proxies need it`}.`
  return `There is no configuration file: the project is ${id} (${path}), with ${tools.size} ${tools.size === 1 ? 'tool' : 'tools'} found in it. ${reach} To change that, run "millrace init" and edit the file that it writes.`
}

/**
 * What a tool that ends by itself needs is to fetch packages. A server is to be opened from outside, and what deploys
 * may need more than a proxy can do.
 */
function networkOf(tool: FoundTool): Tool['network'] {
  const isFiltered = filteredArchitectures.includes(process.arch)
  return !isFiltered || tool.ignoresProxies === true || comesLast(tool) ? true : 'internet'
}

/** Elsewhere a filtered network is refused. */
const filteredArchitectures: readonly string[] = ['x64', 'arm64']

function zeroTool(tool: FoundTool, project: string): Tool {
  const { id, title, command, env = {} } = tool
  return {
    id,
    title,
    command,
    args: new Map(),
    timeoutSeconds: null,
    network: networkOf(tool),
    env,
    projects: [project],
    allowNestedSandbox: false,
    cache: true,
    terminal: null,
    limits: { memoryBytes: undefined, processes: undefined, outputBytes: undefined },
  }
}

/** What a person most likely wants first. */
const ranks: readonly RegExp[] = [
  /^(?:tests?|pytest|unittest|tox|nox)$/,
  /^(?:tests?|checks?|lint|type-?checks?|verify|vet)\b/,
  /^(?:build|compile|package|all)\b/,
]
/** What does not end by itself, or reaches further than this directory. */
const lasting =
  /^(?:start|serve|server|dev|develop|watch|preview|storybook|up|run|deploy|release|publish)\b|:(?:watch|dev)\b/

function inOrder(tools: readonly FoundTool[]): FoundTool[] {
  return tools.toSorted((left, right) => rankOf(left) - rankOf(right))
}

function rankOf({ id }: FoundTool): number {
  const rank = ranks.findIndex((pattern) => pattern.test(nameOf(id)))
  return rank === -1 ? ranks.length : rank
}

function comesLast({ id, lasts = false }: FoundTool): boolean {
  return lasts || lasting.test(nameOf(id))
}

/** Without the program's name. */
function nameOf(id: string): string {
  return id.slice(id.indexOf(':') + 1)
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
