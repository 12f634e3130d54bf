/** The paths that one run may read besides what every run sees. */
import { MillraceError } from '@millrace/protocol'
import { barrierTo, isWithin, realPath } from './paths.ts'

export interface ReadPathOptions {
  /** As whom the run reads. */
  user: { uid: number; gid: number }
  dataDir: string
}

/**
 * The paths without links. Fails with `sandbox_unavailable`, in words for who installs the server, where
 * one is missing, is closed to the run's user, or belongs to the server alone.
 */
export function resolveReadPaths(paths: readonly string[] = [], options: ReadPathOptions): string[] {
  return paths.map((path) => resolveReadPath(path, options))
}

function resolveReadPath(path: string, { user, dataDir }: ReadPathOptions): string {
  const real = realPath(path)
  if (real === null) throw refusal(`${path}, which the run needs, was not found`)
  if (isWithin(dataDir, real)) {
    throw refusal(`${path}, which the run needs, lies in the data directory ${dataDir}, which no run may see`)
  }
  const barrier = barrierTo(real, user.uid, user.gid)
  if (barrier === null) return real
  const fault = barrier === real ? 'it' : barrier
  throw refusal(
    `the run needs ${real} and runs as uid ${user.uid}, the owner of its project, to whom ${fault} is closed; ` +
      `move it to where that user can read it, or let them in (chmod o+rx ${barrier})`,
  )
}

function refusal(message: string): MillraceError {
  return new MillraceError('sandbox_unavailable', message)
}
