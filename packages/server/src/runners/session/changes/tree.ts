/**
 * Reads the files of a project that other programs may change meanwhile, as bounded text.
 *
 * Invariants: nothing outside the project is read, whatever becomes a link meanwhile: each directory is opened by itself, and
 * what is in it is reached through its descriptor. A server of root's reads what the project's owner may read. A named
 * pipe holds nobody up.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'

export interface TreeLimits {
  filesMax: number
  depthMax: number
  /** A longer file is not text for people. */
  fileBytesMax: number
  timeMs: number
}

export interface TreeFile {
  /** Relative to the project. */
  path: string
  /** Differs when the file was written. */
  state: string
  /** Null: it is no text, too long, or cannot be read. */
  read(): Promise<string | null>
}

/** What tools download, generate or remember; nobody looks for an agent's work there. */
const leftOut = new Set([
  ...['.git', '.hg', '.svn', '.jj', 'node_modules', 'bower_components', 'vendor', '.venv', 'venv'],
  ...['__pycache__', '.mypy_cache', '.pytest_cache', '.ruff_cache', '.tox', '.nox', '.eggs'],
  ...[
    '.cache',
    '.gradle',
    '.next',
    '.nuxt',
    '.svelte-kit',
    '.turbo',
    '.nx',
    '.parcel-cache',
    '.yarn',
    '.pnpm-store',
  ],
  ...['target', 'dist', 'build', 'out', 'coverage'],
])

export function isLeftOut(path: string): boolean {
  return path.split('/').some((name) => leftOut.has(name))
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export class TooLarge extends Error {}

/** Calls `visit` with each file, one after the other. Throws `TooLarge` at a limit. */
export async function walkTree(
  root: string,
  limits: TreeLimits,
  visit: (file: TreeFile) => void | Promise<void>,
): Promise<void> {
  const deadline = performance.now() + limits.timeMs
  let left = limits.filesMax
  let owner = -1
  const walk = async (directory: FileHandle, below: string, depth: number): Promise<void> => {
    if (depth > limits.depthMax) throw new TooLarge()
    const here = `/proc/self/fd/${directory.fd}`
    for (const entry of await readdir(here, { withFileTypes: true })) {
      if (leftOut.has(entry.name)) continue
      if (performance.now() > deadline) throw new TooLarge()
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      const at = `${here}/${entry.name}`
      if (entry.isDirectory()) await inDirectory(at, (child) => walk(child, path, depth + 1))
      if (!entry.isFile()) continue
      left -= 1
      if (left < 0) throw new TooLarge()
      const state = await lstat(at).catch(() => null)
      if (state?.isFile())
        await visit({ path, state: stateOf(state), read: () => textAt(at, owner, limits.fileBytesMax) })
    }
  }
  await inDirectory(root, async (top) => {
    owner = (await top.stat()).uid
    await walk(top, '', 1)
  })
}

/** What cannot be opened, or is gone, is left out. */
async function inDirectory(path: string, work: (directory: FileHandle) => Promise<void>): Promise<void> {
  const directory = await open(path, directoryFlags).catch(() => null)
  try {
    if (directory !== null) await work(directory)
  } finally {
    await directory?.close()
  }
}

/** `ctime` cannot be set by a program. */
function stateOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
}

async function textAt(path: string, owner: number, bytesMax: number): Promise<string | null> {
  const file = await open(path, fileFlags).catch(() => null)
  try {
    const state = await file?.stat()
    if (file === null || !state?.isFile()) return null
    if (state.uid !== owner && (state.mode & constants.S_IROTH) === 0) return null
    const bytes = Buffer.alloc(bytesMax + 1)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    const content = bytes.subarray(0, bytesRead)
    return bytesRead > bytesMax || content.includes(0) ? null : content.toString('utf8')
  } catch {
    return null
  } finally {
    await file?.close()
  }
}
