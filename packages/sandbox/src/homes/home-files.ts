/** Files that a run finds in its private home when it starts. */
import { Buffer } from 'node:buffer'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { MillraceError } from '@millrace/protocol'
import { giveDirectory, giveFile, type Owner } from '#ownership'
import { directoriesBetween } from '#paths'

export interface HomeFile {
  /** Relative to the home, in its shortest form. */
  path: string
  content: Buffer
}

/** Only the run's user may read the files in its home. */
export const homeFileMode = 0o600
const homeDirectoryMode = 0o700

/** Throws `invalid_request` for a path that is not plainly a file below the home. */
export function checkHomeFiles(files: ReadonlyMap<string, string | Buffer> = new Map()): HomeFile[] {
  const directories = new Set([...files.keys()].flatMap((path) => directoriesBetween('/', join('/', path))))
  return [...files].map(([path, content]) => {
    const isPlain = path === normalize(path) && !/^\.\.?(\/|$)|\/$|\0/.test(path) && path !== ''
    if (!isPlain || isAbsolute(path)) throw refusal(path, 'it is not a path below the home')
    if (directories.has(join('/', path))) throw refusal(path, 'another file would lie below it')
    return { path, content: Buffer.isBuffer(content) ? content : Buffer.from(content) }
  })
}

/** Writes files into a home that nobody else can enter yet, and gives them and their directories to the owner. */
export function writeHomeFiles(home: string, files: readonly HomeFile[], owner: Owner | null): void {
  const directories = new Set<string>()
  for (const { path, content } of files) {
    const file = join(home, path)
    mkdirSync(dirname(file), { recursive: true, mode: homeDirectoryMode })
    for (const directory of directoriesBetween(home, file)) directories.add(directory)
    writeFileSync(file, content, { flag: 'wx', mode: homeFileMode })
    if (owner !== null) giveFile(file, owner)
  }
  if (owner !== null) for (const directory of directories) giveDirectory(directory, owner)
}

function refusal(path: string, why: string): MillraceError {
  return new MillraceError(
    'invalid_request',
    `the file ${JSON.stringify(path)} cannot be placed in the run's home: ${why}`,
  )
}
