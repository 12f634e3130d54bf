/**
 * Where a path leads, and whether a tool may read or write there. Paths may hold the stand-ins of
 * `bash/symbols.ts`, apart from wholly unknown text: the caller refuses that before it asks.
 */
import { lstatSync, readlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { anyName, couldBe, holdsStandIn, show } from '#bash/symbols'
import { isSecret, secretBelow } from './secrets.ts'

export interface PlacesOptions {
  projectPath: string
  home: string
  sandboxed: boolean
  /** Absolute paths that no call may read or write, such as the data directory. */
  hidden: readonly string[]
}

export interface Places {
  /** The absolute path with links and `..` resolved as the kernel does, as far as it exists. */
  resolve(path: string, cwd: string): string
  /** Why the resolved path may not be written; null when it may. */
  refuseWrite(path: string): string | null
  /** Why a directory or file, with what is below it, may not be removed; null when it may. */
  refuseRemoval(path: string): string | null
  /** Why the resolved path may not be read; `deep`: with all below it. Null when it may. */
  refuseRead(path: string, deep: boolean): string | null
  inProject(path: string): boolean
}

/** Names that other programs take for code or settings, wherever in the project they are. */
const protectedNames = ['.git', '.claude', '.mcp.json']
const configNames = ['ts', 'js', 'json', 'mts', 'mjs', 'cjs', 'cts'].map((end) => `millrace.config.${end}`)

/** So many plain characters say that a pattern is about this file. */
const shortestMeant = 6

const writableDevices = ['null', 'stdout', 'stderr', 'tty', 'full', 'zero'].map((name) => `/dev/${name}`)

export function createPlaces(options: PlacesOptions): Places {
  const project = followLinks(options.projectPath)
  const home = followLinks(options.home)
  const secrets = { project, home, hidden: options.hidden.map(followLinks) }
  const inProject = (path: string) => isWithin(project, path)
  const refuseWrite = (path: string): string | null => {
    if (isHarmlessDevice(path)) return null
    if (isSecret(path, secrets)) return `${show(path)} is kept for the server and for people`
    if (!inProject(path)) {
      if (options.sandboxed && isWithin('/tmp', path) && path !== '/tmp') return null
      return `${show(path)} lies outside the project`
    }
    const parts = relative(project, path).split('/')
    if (parts.some(couldLeadUp)) return `${show(path)} could match the directory above`
    for (const part of parts) {
      // A pattern at the start matches no name that begins with a dot.
      const name = part.startsWith(anyName) ? undefined : protectedNames.find((name) => meets(part, name))
      if (name !== undefined)
        return `${name} is taken for code or settings by other programs and is protected`
      // A pattern like `*.ts` is not meant for this file, one like `mill*` is.
      const meant = part.replaceAll(anyName, '').length >= shortestMeant
      if (meant && configNames.some((config) => meets(part, config)))
        return 'millrace.config is code that the server runs and is protected'
    }
    return null
  }
  return {
    resolve: (path, cwd) => followLinks(path.startsWith('/') ? path : `${cwd}/${path}`),
    inProject,
    refuseWrite,
    refuseRemoval(path) {
      if (isWithin(path, project)) return `${show(path)} is the whole project or holds it`
      if (path === join(project, anyName)) return `${show(path)} is everything in the project`
      return refuseWrite(path)
    },
    refuseRead(path, deep) {
      if (isSecret(path, secrets)) return `${show(path)} is a place where credentials are kept`
      const below = deep || holdsStandIn(path) ? secretBelow(path, secrets) : null
      return below === null ? null : `${show(path)} holds ${below}, where credentials are kept`
    },
  }
}

export function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}

function isHarmlessDevice(path: string): boolean {
  return writableDevices.includes(path) || /^\/dev\/fd\/\d+$/.test(path)
}

/** Compared without case, since some file systems are. */
function meets(part: string, name: string): boolean {
  return couldBe(part.toLowerCase(), name)
}

function couldLeadUp(part: string): boolean {
  return holdsStandIn(part) && part.startsWith('.') && couldBe(part, '..')
}

const mostLinks = 40

/** `..` after a link leads above the link's target, so each part is followed before the next. */
function followLinks(path: string, links = 0): string {
  if (/^\/dev\/(fd\/\d+|std(in|out|err))$/.test(path)) return path
  let at = '/'
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  for (const [index, part] of parts.entries()) {
    if (part === '..') {
      at = dirname(at)
      continue
    }
    const next = join(at, part)
    if (leavesProc(at, part)) return next
    const target = holdsStandIn(part) ? null : linkAt(next)
    if (target === null) {
      at = next
      continue
    }
    if (links >= mostLinks) return next
    const rest = parts.slice(index + 1).join('/')
    return followLinks(target.startsWith('/') ? `${target}/${rest}` : `${at}/${target}/${rest}`, links + 1)
  }
  return at
}

/** Below /proc/<pid>/cwd and the like lies another place, which only the kernel knows: what follows does not count. */
function leavesProc(at: string, part: string): boolean {
  if (!/^\/proc\/[^/]+$/.test(at)) return false
  return ['root', 'cwd', 'exe', 'fd', 'task', 'map_files'].some((name) => couldBe(part, name))
}

/** What a link says, or null where there is none. Links of the kernel say nothing useful. */
function linkAt(path: string): string | null {
  if (isWithin('/proc', path)) return null
  try {
    if (!lstatSync(path).isSymbolicLink()) return null
    return readlinkSync(path)
  } catch {
    return null
  }
}
