/**
 * Where a path leads, and whether a tool may read or write there. Paths may hold the stand-ins of
 * `bash/symbols.ts`, apart from wholly unknown text: the caller refuses that before it asks.
 */
import { lstatSync, readlinkSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { anyName, couldBe, holdsStandIn, namesBelow, show } from '#bash/symbols'
import { isDisk, isKey, isSecret, secretBelow, showsMemory } from './secrets.ts'

export interface PlacesOptions {
  projectPath: string
  home: string
  sandboxed: boolean
  /** Absolute paths that no call may read or write, such as the data directory. */
  hidden: readonly string[]
}

/** Remembers what links say, and bounds how many are read. */
export interface Links {
  linkAt(path: string, read: (path: string) => string | null): string | null
}

/**
 * A refusal is a reason, or null. *Harm* is refused everywhere. *Doubt* is about what lies beyond the
 * project: outside a sandbox a person has to say, inside one the boundary has said already.
 */
export interface Places {
  /** The project's own directory, resolved. */
  readonly project: string
  /** The absolute path with links and `..` resolved as the kernel does, as far as it exists. */
  resolve(path: string, cwd: string, links?: Links): string
  inProject(path: string): boolean
  harmOfRead(path: string): string | null
  /** `deep`: with all below it. */
  doubtOfRead(path: string, deep: boolean): string | null
  harmOfWrite(path: string): string | null
  doubtOfWrite(path: string): string | null
  /** Of a directory or file, with what is below it. */
  harmOfRemoval(path: string): string | null
  doubtOfRemoval(path: string): string | null
  /** For the file tools: why the path may not be written, or read. */
  refuseWrite(path: string): string | null
  refuseRead(path: string, deep: boolean): string | null
}

/** Names that other programs take for code or settings, wherever in the project they are. */
const protectedNames = ['.claude', '.mcp.json']
/** Below `.git`: what runs something, and what the project's history consists of. */
const protectedInGit = [
  'config',
  'config.worktree',
  'hooks',
  'HEAD',
  'objects',
  'refs',
  'packed-refs',
  'logs',
  'modules',
  'worktrees',
]
const configNames = ['ts', 'js', 'json', 'mts', 'mjs', 'cjs', 'cts'].map((end) => `millrace.config.${end}`)

/** Nothing below these is anybody's to remove: in a sandbox it would fail, and is refused so that it is seen. */
const systemPlaces = 'bin boot dev etc home lib lib32 lib64 opt proc root sbin sys usr'.split(' ')
const isSystem = (path: string) => systemPlaces.includes(path.split('/')[1] ?? '')

/** So many plain characters say that a pattern is about this file. */
const shortestMeant = 6

const writableDevices = ['null', 'stdout', 'stderr', 'tty', 'full', 'zero'].map((name) => `/dev/${name}`)

export function createPlaces(options: PlacesOptions): Places {
  const { sandboxed } = options
  const project = followLinks(options.projectPath)
  const home = followLinks(options.home)
  const secrets = { project, home, hidden: options.hidden.map((path) => followLinks(path)) }
  const inProject = (path: string) => isWithin(project, path)
  const isScratch = (path: string) => sandboxed && isWithin('/tmp', path) && path !== '/tmp'

  const harmOfWrite = (path: string): string | null => {
    if (isDisk(path)) return `${show(path)} is a disk`
    if (!inProject(path) || isHarmlessDevice(path)) return null
    const parts = relative(project, path).split('/')
    const git = parts.findIndex((part) => meets(part, '.git') && !isAnyOther(part))
    const inGit = parts[git + 1]
    if (git !== -1 && inGit !== undefined && protectedInGit.some((name) => couldBe(inGit, name)))
      return `${show(path)} holds the settings or the history of git and is protected`
    return parts.map(harmOfName).find((reason) => reason !== null) ?? null
  }
  const doubtOfWrite = (path: string): string | null => {
    if (sandboxed || isHarmlessDevice(path)) return null
    if (isSecret(path, secrets)) return `${show(path)} is kept for the server and for people`
    if (!inProject(path)) return `${show(path)} lies outside the project`
    const parts = relative(project, path).split('/')
    if (parts.some(couldLeadUp)) return `${show(path)} could match the directory above`
    return parts.some((part) => meets(part, '.git') && !isAnyOther(part))
      ? `${show(path)} is kept by git`
      : null
  }
  const harmOfRemoval = (path: string): string | null => {
    if (isWithin(path, project)) return `${show(path)} is the whole project or holds it`
    if (isWithin(path, home)) return `${show(path)} is the home directory or holds it`
    const rest = inProject(path) ? relative(project, path) : ''
    if (rest === anyName) return `${show(path)} is everything in the project`
    if (rest !== '' && !isAnyOther(rest) && couldBe(rest, '.git'))
      return `${show(path)} is the history of the project`
    const beyond = !inProject(path) && (sandboxed ? isSystem(path) && !isWithin(home, path) : true)
    if (beyond) return `${show(path)} lies outside the project`
    return harmOfWrite(path)
  }
  const doubtOfRead = (path: string, deep: boolean): string | null => {
    if (isSecret(path, secrets)) return `${show(path)} is a place where credentials are kept`
    const below = deep || holdsStandIn(path) ? secretBelow(path, secrets) : null
    return below === null ? null : `${show(path)} holds ${below}, where credentials are kept`
  }
  return {
    project,
    resolve: (path, cwd, links) => followLinks(path.startsWith('/') ? path : `${cwd}/${path}`, links),
    inProject,
    harmOfWrite,
    doubtOfWrite,
    harmOfRemoval,
    doubtOfRemoval: doubtOfWrite,
    harmOfRead: (path) =>
      showsMemory(path) || (!sandboxed && isKey(path, secrets))
        ? `${show(path)} is a place where credentials are kept`
        : null,
    doubtOfRead: (path, deep) => (sandboxed ? null : doubtOfRead(path, deep)),
    refuseWrite(path) {
      if (isHarmlessDevice(path)) return null
      if (isSecret(path, secrets)) return `${show(path)} is kept for the server and for people`
      if (!inProject(path)) return isScratch(path) ? null : `${show(path)} lies outside the project`
      const inGit = relative(project, path)
        .split('/')
        .some((part) => meets(part, '.git'))
      return inGit ? '.git is protected' : harmOfWrite(path)
    },
    refuseRead: doubtOfRead,
  }
}

/** A pattern at the start matches no name that begins with a dot; what `find` finds has been judged by its tests. */
function isAnyOther(part: string): boolean {
  return part.startsWith(anyName) || part.startsWith(namesBelow)
}

function harmOfName(part: string): string | null {
  const name = isAnyOther(part) ? undefined : protectedNames.find((one) => meets(part, one))
  if (name !== undefined) return `${name} is taken for code or settings by other programs and is protected`
  // A pattern like `*.ts` is not meant for this file, one like `mill*` is.
  const meant = part.replaceAll(anyName, '').length >= shortestMeant
  return meant && configNames.some((config) => meets(part, config))
    ? 'millrace.config is code that the server runs and is protected'
    : null
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
function followLinks(path: string, links?: Links, followed = 0): string {
  if (/^\/dev\/(fd\/\d+|std(in|out|err))$/.test(path)) return path
  let at = '/'
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  for (const [index, part] of parts.entries()) {
    if (part === '..') {
      at = dirname(at)
      continue
    }
    const next = at === '/' ? `/${part}` : `${at}/${part}`
    if (leavesProc(at, part)) return next
    const target = holdsStandIn(part) ? null : (links?.linkAt(next, linkAt) ?? (links ? null : linkAt(next)))
    if (target === null) {
      at = next
      continue
    }
    if (followed >= mostLinks) return next
    const rest = parts.slice(index + 1).join('/')
    return followLinks(
      target.startsWith('/') ? `${target}/${rest}` : `${at}/${target}/${rest}`,
      links,
      followed + 1,
    )
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
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return null
    return readlinkSync(path)
  } catch {
    return null
  }
}
