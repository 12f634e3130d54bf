/** The paths that one run may read, besides those that every run sees. */
import { MillraceError } from '@millrace/protocol'
import { barrierTo, isWithin, realPath } from './paths.ts'

export interface ReadPathOptions {
  /** The user that the run reads as. */
  user: { uid: number; gid: number }
  dataDir: string
}

/**
 * Resolves links in the paths. Throws `sandbox_unavailable`, with a message for whoever installs the server, if a
 * path is missing, not accessible to the run's user, or in the data directory.
 */
export function resolveReadPaths(paths: readonly string[] = [], options: ReadPathOptions): string[] {
  return paths.map((path) => resolveReadPath(path, options))
}

function resolveReadPath(path: string, { user, dataDir }: ReadPathOptions): string {
  const real = realPath(path)
  if (real === null) throw refusal(`${path}, which the run needs, was not found`)
  if (isWithin(dataDir, real)) {
    throw refusal(`${path}, which the run needs, is in the data directory ${dataDir}, which no run may read`)
  }
  const barrier = barrierTo(real, user.uid, user.gid)
  if (barrier === null) return real
  const fault = barrier === real ? 'it' : barrier
  throw refusal(
    `the run needs ${real}, but it runs as the owner of its project, uid ${user.uid}, who cannot access ${fault}; ` +
      `move it to where that user can read it, or grant access (chmod o+rx ${barrier})`,
  )
}

function refusal(message: string): MillraceError {
  return new MillraceError('sandbox_unavailable', message)
}
