/** What programs need besides the directory of the PATH that they are in. */
import { type Dirent, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { entryAt, isWithin, realPath } from '#paths'

const entriesMax = 2000
const executable = 0o111

/** Below these, each folder is one installed package: `/opt/jdk/bin`, `/opt/conda/bin`. */
export const packageRoots = ['/opt', '/home/linuxbrew']
/** In an installed package, these hold settings and data, which may be secret. */
const settingsOrData = /^(etc|var|\..*)$/

/** Returns what a package in one of `roots` has beside its `bin`: a JDK does not start without its `lib`. */
export function restOfPackage(directory: string, roots: readonly string[]): string[] {
  const parent = dirname(directory)
  const isPackage = roots.some((root) => isWithin(root, parent) && root !== parent)
  if (!isPackage || !/^(s|conda)?bin$/.test(basename(directory))) return []
  return entriesOf(parent)
    .filter(({ name }) => !settingsOrData.test(name))
    .flatMap(({ name }) => realPath(join(parent, name)) ?? [])
    .filter((path) => isWithin(parent, path))
}

/**
 * Returns what the links in a directory of programs lead to, as real paths below `home`: people's own directories
 * (`~/.local/bin`, `~/bin`) are full of links. For a command that npm installed it is the folder of packages, for a Python script
 * its virtual environment, and otherwise the executable file alone.
 */
export function linkedPrograms(directory: string, home: string): string[] {
  const found = new Set<string>()
  for (const entry of entriesOf(directory)) {
    const program = entry.isSymbolicLink() ? realPath(join(directory, entry.name)) : null
    if (program === null || !isWithin(home, program) || isWithin(directory, program)) continue
    const state = entryAt(program)
    if (state?.isFile() && (state.mode & executable) !== 0) found.add(packagesOf(program) ?? program)
  }
  return [...found]
}

function packagesOf(program: string): string | null {
  const at = program.indexOf('/node_modules/')
  if (at !== -1) return program.slice(0, at + '/node_modules'.length)
  const folder = dirname(program)
  const environment = dirname(folder)
  const isEnvironment = basename(folder) === 'bin' && entryAt(join(environment, 'pyvenv.cfg')) !== null
  return isEnvironment ? environment : null
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).slice(0, entriesMax)
  } catch {
    return []
  }
}
