/**
 * The programs a run finds: the PATH it gets, the directories outside the system's own that must be visible for
 * it, and the variables that lead its programs to their files. Worked out from the PATH of the server, or that
 * of a tool.
 */
import { basename, dirname, isAbsolute, join, relative } from 'node:path'
import { isDirectory, isWithin, realPath } from '#paths'
import { type FoundToolchain, homeToolchainOf, locationVariables, withHome } from './home-toolchains.ts'
import { linkedPrograms, packageRoots, restOfPackage } from './linked-programs.ts'

export interface Toolchain {
  /** Directories of the PATH, in order. */
  path: string[]
  /** Directories to show read-only, besides the system's. */
  shown: string[]
  /** Variables that lead programs to what is shown. */
  env: Record<string, string>
  /** Directories that are not on the PATH of runs, and why. */
  leftOut: { directory: string; why: string }[]
}

export interface ToolchainOptions {
  /** The running node. */
  node: string
  /** The PATH of the server. */
  path: string
  /** Never shown as a whole, nor anything that holds them. */
  home: string
  dataDir: string
  projects: readonly string[]
  /** What every run may read. */
  readPaths?: readonly string[]
  /** See `restOfPackage`. */
  packageRoots?: readonly string[]
  /** The server's environment, for variables that say where a toolchain lies. */
  env?: NodeJS.ProcessEnv
}

/** Directories of the operating system, which every run sees. */
export const systemDirectories = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/libx32', '/lib64']

export function isSystemPath(path: string): boolean {
  return systemDirectories.some((directory) => isWithin(directory, path))
}

export function findToolchain(options: ToolchainOptions): Toolchain {
  const found = new Finding(options)
  const nodeDirectory = dirname(realPath(options.node) ?? options.node)
  const directories = options.path.split(':').filter((directory) => directory !== '')
  // For a node below the home (nvm, for instance), show that directory and nothing else of the home.
  if (holdsNothingPrivate(nodeDirectory, options)) found.take(nodeDirectory, [nodeDirectory])
  const npm = npmPackage([nodeDirectory, ...directories.filter(isAbsolute)])
  if (npm !== null && holdsNothingPrivate(npm, options)) found.show(npm)
  for (const directory of directories) found.judge(directory)
  for (const directory of ['/usr/local/bin', '/usr/bin', '/bin'])
    if (isDirectory(directory)) found.take(directory, [])
  for (const name of locationVariables) found.locate(name)
  return found.result
}

/**
 * The PATH that a tool asks for, in place of the server's: `~` is the home, `$PATH` what every run gets. A relative
 * directory, and one of the project, are the project's own.
 */
export function toolchainOf(
  path: string,
  projectPath: string,
  every: Toolchain,
  options: ToolchainOptions,
): Toolchain {
  const found = new Finding(options)
  for (const directory of every.shown) found.show(directory)
  Object.assign(found.result.env, every.env)
  for (const entry of path.split(':')) {
    const directory = withHome(entry, options.home)
    if (entry === '$PATH') for (const one of every.path) found.take(one, [])
    else if (every.path.includes(directory)) found.take(directory, [])
    else if (entry !== '' && (!isAbsolute(directory) || isWithin(projectPath, directory)))
      found.take(directory, [])
    else if (entry !== '') found.judge(directory)
  }
  return found.result
}

/** Where virtual environments of Python lie in a project. */
const environments = ['.venv', 'venv', 'env']

/**
 * Adds what the virtual environments in these directories were made from: their interpreter is a link to a toolchain, which need not
 * be on the PATH. The link may come from a run, and leads to known toolchains alone.
 */
export function withEnvironments(
  toolchain: Toolchain,
  directories: readonly string[],
  options: ToolchainOptions,
): Toolchain {
  const found = new Finding(options)
  for (const directory of directories) {
    for (const name of environments) found.showInterpreter(join(directory, name, 'bin/python'))
  }
  return { ...toolchain, shown: [...new Set([...toolchain.shown, ...found.result.shown])] }
}

class Finding {
  readonly result: Toolchain = { path: [], shown: [], env: {}, leftOut: [] }
  readonly #options: ToolchainOptions

  constructor(options: ToolchainOptions) {
    this.#options = options
  }

  show(directory: string): void {
    if (!isSystemPath(directory) && !this.result.shown.includes(directory)) this.result.shown.push(directory)
  }

  take(directory: string, shown: readonly string[]): void {
    if (!this.result.path.includes(directory)) this.result.path.push(directory)
    for (const one of shown) this.show(one)
  }

  judge(directory: string): void {
    const why = this.#judge(directory)
    if (why !== null && !this.result.leftOut.some((left) => left.directory === directory))
      this.result.leftOut.push({ directory, why })
  }

  /** Passes a variable that says where a toolchain lies, when runs may see it. */
  locate(name: string): void {
    const value = this.#options.env?.[name]
    if (value === undefined || !isAbsolute(value) || this.result.env[name] !== undefined) return
    const real = realPath(value)
    if (real === null || !isDirectory(real)) return
    const isShown = isSystemPath(real) || this.result.shown.some((shown) => isWithin(shown, real))
    if (!isShown && (isWithin(this.#options.home, real) || !this.#isShareable(real))) return
    this.show(real)
    this.result.env[name] = value
  }

  /** Belongs to no project and not to the server, and holds neither. */
  #isShareable(path: string): boolean {
    const { dataDir, projects } = this.#options
    return (
      ![dataDir, ...projects].some((place) => isWithin(place, path)) &&
      holdsNothingPrivate(path, this.#options)
    )
  }

  /** Takes the directory, or returns why not. */
  #judge(directory: string): string | null {
    const options = this.#options
    if (!isAbsolute(directory)) return 'it is not an absolute path'
    // npm prepends these for its own scripts. They belong to the packages of one project.
    if (basename(directory) === '.bin') return 'npm puts it in front for scripts of one project'
    const real = realPath(directory)
    if (real === null || !isDirectory(real)) return 'there is no such directory'
    if (isSystemPath(real)) {
      this.take(isSystemPath(directory) ? directory : real, [])
      return null
    }
    for (const place of [options.dataDir, ...options.projects])
      if (isWithin(place, real) || isWithin(place, directory))
        return place === options.dataDir ? 'it lies in the data directory' : `it lies in the project ${place}`
    if (!holdsNothingPrivate(real, options)) return 'it holds what runs may not see'
    if (options.readPaths?.some((path) => isWithin(path, real))) this.take(real, [])
    else if (isWithin(options.home, real)) return this.#judgeInHome(real)
    else if (isWithin('/nix/store', real)) this.take(real, ['/nix/store'])
    else
      this.take(real, [
        real,
        ...restOfPackage(real, options.packageRoots ?? packageRoots).filter((path) =>
          this.#isShareable(path),
        ),
      ])
    return null
  }

  /** Shows the toolchain in the home that this link leads to, if there is one. */
  showInterpreter(link: string): void {
    const real = realPath(link)
    const { home } = this.#options
    if (real === null || !isWithin(home, real)) return
    const found = this.#inHome(dirname(real))
    if (typeof found !== 'string') for (const path of found.shown) this.show(path)
  }

  /** The toolchain that a directory in the home belongs to, with real paths; or why there is none. */
  #inHome(directory: string): FoundToolchain | string {
    const { home } = this.#options
    const toolchain = homeToolchainOf(relative(home, directory))
    if (toolchain === null)
      return 'it lies in the home and belongs to no known toolchain; name it in sandbox.read if runs may see it'
    const shown = toolchain.shown.flatMap((path) => realPath(join(home, path)) ?? [])
    if (!shown.every((path) => holdsNothingPrivate(path, this.#options)))
      return 'its toolchain holds what runs may not see'
    return { ...toolchain, shown }
  }

  #judgeInHome(directory: string): string | null {
    const { home } = this.#options
    const toolchain = this.#inHome(directory)
    if (typeof toolchain === 'string') return toolchain
    const { shown } = toolchain
    this.take(directory, [
      ...shown,
      ...linkedPrograms(directory, home).filter((path) => this.#isShareable(path)),
    ])
    for (const [name, path] of Object.entries(toolchain.env))
      if (isDirectory(join(home, path))) this.result.env[name] = join(home, path)
    return null
  }
}

function holdsNothingPrivate(directory: string, { home, dataDir, projects }: ToolchainOptions): boolean {
  if (['/', '/proc', '/sys', '/dev', '/etc', '/run', '/tmp', '/home', '/var'].includes(directory))
    return false
  if (isWithin(dataDir, directory)) return false
  return ![home, dataDir, ...projects].some((place) => isWithin(directory, place))
}

/** Returns the directory of the npm package, which the npm command needs besides its own file. */
function npmPackage(directories: readonly string[]): string | null {
  for (const directory of directories) {
    const command = join(directory, 'npm')
    if (basename(directory) === '.bin') continue
    // Also null where the server's user may not look, as in root's directories on an inherited PATH.
    const real = realPath(command)
    // …/npm/bin/npm-cli.js
    if (real !== null && basename(real) === 'npm-cli.js') return dirname(dirname(real))
  }
  return null
}
