/** What zero configuration sees of a directory. Files are read as text; nothing of them is run. */
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import type { Tool } from '../config.ts'

export interface FoundTool {
  id: string
  title: string
  command: Tool['command']
  env?: Tool['env']
  /** True if it is known to run until it is stopped. */
  lasts?: boolean
  /** True if its program obeys no proxy, so that a filtered network is none to it. */
  ignoresProxies?: boolean
}

/** Finds the tools of one ecosystem. */
export type Finder = (folder: Folder) => Promise<FoundTool[]>

export class Folder {
  readonly path: string
  readonly warnings: string[] = []
  readonly #searched: string | undefined
  readonly #home: string | undefined

  constructor(path: string, env: NodeJS.ProcessEnv) {
    this.path = path
    this.#searched = env.PATH
    this.#home = env.HOME
  }

  /** The text of a file, without a byte order mark; undefined if it cannot be read. */
  async read(name: string, path = this.path): Promise<string | undefined> {
    const text = await readFile(join(path, name), 'utf8').catch(() => undefined)
    // Editors of Windows begin a file with one.
    return text?.replace(/^\uFEFF/, '')
  }

  /** The first of these files that exists, with its text. */
  async readFirst(names: readonly string[]): Promise<{ name: string; text: string } | undefined> {
    for (const name of names) {
      const text = await this.read(name)
      if (text !== undefined) return { name, text }
    }
    return undefined
  }

  /** The first of these names that exists. */
  async firstOf(names: readonly string[], path = this.path): Promise<string | undefined> {
    for (const name of names) if (await exists(join(path, name))) return name
    return undefined
  }

  /** The same here or further up, as far as the repository reaches: where a workspace keeps its lockfile. */
  async firstAbove(names: readonly string[]): Promise<string | undefined> {
    for await (const path of this.#upwards()) {
      const found = await this.firstOf(names, path)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The texts of the files of this name, here and further up, as far as the repository reaches. */
  async readAbove(name: string): Promise<string[]> {
    const texts: string[] = []
    for await (const path of this.#upwards()) {
      const text = await this.read(name, path)
      if (text !== undefined) texts.push(text)
    }
    return texts
  }

  async *#upwards(): AsyncGenerator<string> {
    for (let path = this.path; path !== this.#home; path = dirname(path)) {
      yield path
      if (path === dirname(path) || (await exists(join(path, '.git')))) return
    }
  }

  /** False if no directory of the PATH has the program; true if there is no PATH to look in. */
  async isInstalled(program: string): Promise<boolean> {
    if (this.#searched === undefined) return true
    for (const directory of this.#searched.split(delimiter)) {
      if (directory !== '' && (await exists(join(directory, program), constants.X_OK))) return true
    }
    return false
  }

  /** Keeps the tools of a program that is there; otherwise says what was left out, and why. */
  async needing(program: string, because: string, tools: FoundTool[]): Promise<FoundTool[]> {
    if (tools.length === 0 || (await this.isInstalled(program))) return tools
    this.warnings.push(`${because} is here, but ${program} is not on the PATH: its tools are left out.`)
    return []
  }
}

async function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
