/** Go, Cargo, Maven and Gradle: a few well-known verbs each, by the project's own wrapper where there is one. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Folder, FoundTool } from './folder.ts'

export async function goTools(folder: Folder): Promise<FoundTool[]> {
  if ((await folder.firstOf(['go.mod'])) === undefined) return []
  const verbs = ['test', 'build', 'vet'].map((verb) => verbTool('go', ['go', verb, './...'], verb))
  return folder.needing('go', 'go.mod', verbs)
}

export async function cargoTools(folder: Folder): Promise<FoundTool[]> {
  if ((await folder.firstOf(['Cargo.toml'])) === undefined) return []
  const verbs = ['test', 'check', 'build'].map((verb) => verbTool('cargo', ['cargo', verb], verb))
  return folder.needing('cargo', 'Cargo.toml', verbs)
}

export async function mavenTools(folder: Folder): Promise<FoundTool[]> {
  return wrapped(folder, {
    name: 'mvn',
    file: await folder.firstOf(['pom.xml']),
    wrapper: 'mvnw',
    options: ['-B'],
    verbs: ['test', 'verify', 'package'],
  })
}

export async function gradleTools(folder: Folder): Promise<FoundTool[]> {
  return wrapped(folder, {
    name: 'gradle',
    file: await folder.firstOf([
      'build.gradle',
      'build.gradle.kts',
      'settings.gradle',
      'settings.gradle.kts',
    ]),
    wrapper: 'gradlew',
    options: [],
    verbs: ['test', 'check', 'build'],
  })
}

interface Wrapped {
  name: string
  file: string | undefined
  wrapper: string
  options: readonly string[]
  verbs: readonly string[]
}

async function wrapped(
  folder: Folder,
  { name, file, wrapper, options, verbs }: Wrapped,
): Promise<FoundTool[]> {
  const found = await folder.firstOf([wrapper])
  if (file === undefined) return []
  const program = found === undefined ? [name] : await wrapperCommand(folder, wrapper)
  const tools = verbs.map((verb) => ({
    ...verbTool(name, [...program, ...options, verb], verb),
    // Java reads no variable for proxies.
    ignoresProxies: true,
  }))
  return found === undefined ? folder.needing(name, file, tools) : tools
}

/** A checkout on another system may have lost the permission to execute it. */
async function wrapperCommand(folder: Folder, wrapper: string): Promise<string[]> {
  const path = `{projectPath}/${wrapper}`
  const executable = await access(join(folder.path, wrapper), constants.X_OK).then(
    () => true,
    () => false,
  )
  return executable ? [path] : ['sh', path]
}

function verbTool(name: string, command: readonly string[], verb: string): FoundTool {
  const [program = name, ...args] = command
  const title = [program, ...args].join(' ').replace('{projectPath}/', './')
  return { id: `${name}:${verb}`, title, command: [program, ...args] }
}
