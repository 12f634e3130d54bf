/** Recipes of a justfile, tasks of a Taskfile, targets of a Makefile: read as text, in order of appearance. */
import type { Folder, FoundTool } from './folder.ts'
import { makefileTargets } from './makefile.ts'

export async function makeTargets(folder: Folder): Promise<FoundTool[]> {
  // In GNU make's order of preference.
  const file = await folder.readFirst(['GNUmakefile', 'makefile', 'Makefile'])
  const targets = file === undefined ? [] : makefileTargets(file.text)
  return folder.needing(
    'make',
    file?.name ?? '',
    targets.map(({ name, help }) => taskTool('make', name, help)),
  )
}

export async function justRecipes(folder: Folder): Promise<FoundTool[]> {
  const file = await folder.readFirst(['justfile', 'Justfile', '.justfile'])
  const recipes = file === undefined ? [] : recipesOf(file.text)
  return folder.needing(
    'just',
    file?.name ?? '',
    recipes.map(({ name, help }) => taskTool('just', name, help)),
  )
}

export async function taskfileTasks(folder: Folder): Promise<FoundTool[]> {
  const names = ['Taskfile', 'taskfile'].flatMap((base) =>
    ['.yml', '.yaml', '.dist.yml', '.dist.yaml'].map((end) => base + end),
  )
  const file = await folder.readFirst(names)
  const tasks = file === undefined ? [] : tasksOf(file.text)
  return folder.needing(
    'task',
    file?.name ?? '',
    tasks.map(({ name, help }) => taskTool('task', name, help)),
  )
}

interface Task {
  name: string
  help: string | undefined
}

function taskTool(program: string, name: string, help: string | undefined): FoundTool {
  return { id: `${program}:${name}`, title: help ?? `${program} ${name}`, command: [program, name] }
}

const recipe = /^@?([A-Za-z][\w-]*)((?:\s[^:]*)?):(?!=)/

/** https://just.systems/man/en: without private recipes, and those that need an argument. */
export function recipesOf(text: string): Task[] {
  const recipes: Task[] = []
  let comment: string | undefined
  let isPrivate = false
  for (const line of text.split(/\r?\n/)) {
    const [, name, parameters = ''] = recipe.exec(line) ?? []
    const isSetting = /^(?:alias|export|import|mod|set)\s/.test(line)
    if (name !== undefined && !isSetting && !isPrivate && parameters.split(/\s+/).every(isOptional)) {
      recipes.push({ name, help: comment })
    }
    const attribute = /^\[(.*)\]\s*$/.exec(line)?.[1]
    comment =
      /^#\s*(\S.*)$/.exec(line)?.[1] ?? (attribute === undefined ? undefined : (docOf(attribute) ?? comment))
    isPrivate = attribute === undefined ? false : isPrivate || /\bprivate\b/.test(attribute)
  }
  return recipes
}

function docOf(attribute: string): string | undefined {
  return /^doc\(['"](.*)['"]\)$/.exec(attribute)?.[1]
}

/** A parameter that a caller may leave out: `*rest`, `name="value"`. */
function isOptional(parameter: string): boolean {
  return parameter === '' || parameter.startsWith('*') || parameter.includes('=')
}

/** https://taskfile.dev/docs/reference/schema: the keys of `tasks`, without internal ones. */
export function tasksOf(text: string): Task[] {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:#.*)?$/.test(line))
  const start = lines.findIndex((line) => /^tasks:\s*(?:#.*)?$/.test(line))
  const tasks: (Task & { internal: boolean })[] = []
  const indent = /^ +/.exec(lines[start + 1] ?? '')?.[0] ?? ''
  if (start === -1 || indent === '') return []
  for (const line of lines.slice(start + 1)) {
    if (!line.startsWith(' ')) break
    const name = keyAt(line, indent)
    const current = tasks.at(-1)
    if (name !== undefined) tasks.push({ name, help: undefined, internal: false })
    else if (current !== undefined) {
      const [, key, value = ''] = /^ +(desc|internal):\s*(.*?)\s*$/.exec(line) ?? []
      if (key === 'desc' && current.help === undefined) current.help = unquoted(value) || undefined
      if (key === 'internal' && value === 'true') current.internal = true
    }
  }
  const isCallable = ({ name, internal }: (typeof tasks)[number]) => !internal && !name.includes('*')
  return tasks.filter(isCallable).map(({ name, help }) => ({ name, help }))
}

/** The key of a line at exactly this indentation. */
function keyAt(line: string, indent: string): string | undefined {
  if (!line.startsWith(indent) || line[indent.length] === ' ') return undefined
  const key = /^(?:"([^"]+)"|'([^']+)'|([^\s:'"-][^\s:]*(?::[^\s:]+)*)):(?:\s|$)/.exec(
    line.slice(indent.length),
  )
  return key?.[1] ?? key?.[2] ?? key?.[3]
}

function unquoted(text: string): string {
  return /^(["'])(.*)\1$/.exec(text)?.[2] ?? text.replace(/\s#.*$/, '')
}
