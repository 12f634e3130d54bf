/** What a run sees of the host inside bubblewrap: one kind of access for each mounted path. */
import { MillraceError } from '@millrace/protocol'
import { directoriesBetween, entryAt, isReachable, isWithin } from '#paths'
import type { Protection } from '#protect/protect'
import { isSystemPath, systemDirectories } from './toolchain.ts'

/** `hidden`: an empty read-only directory replaces it. */
export type Access = 'read' | 'write' | 'hidden'

export interface ViewOptions {
  projectPath: string
  /** The user of the run. A path that this user cannot reach cannot be mounted. */
  user: { uid: number; gid: number }
  protection: Protection
  dataDir: string
  /** Paths for every run. Those that the user cannot reach are left out. */
  readPaths: readonly string[]
  /** Paths for this run only, see `read-paths.ts`. */
  ownReadPaths: readonly string[]
  /** Directories that contain programs. */
  shown: readonly string[]
}

export interface View {
  /** Parents before their children. */
  mounts: [path: string, access: Access][]
  visible(path: string): boolean
}

export function viewOf(options: ViewOptions): View {
  const { projectPath, protection, dataDir, user } = options
  refuseSystemProject(projectPath)
  const mounts = new Map<string, Access>()
  const reachable = (path: string) => entryAt(path) !== null && isReachable(path, user.uid, user.gid)
  // Later lines are stricter, and win if two name the same path.
  for (const path of options.readPaths) if (reachable(path) && !isSystemPath(path)) mounts.set(path, 'read')
  for (const path of options.ownReadPaths) if (!isSystemPath(path)) mounts.set(path, 'read')
  mounts.set(projectPath, 'write')
  for (const path of protection.pinned) mounts.set(path, 'write')
  for (const path of options.shown) if (reachable(path)) mounts.set(path, 'read')
  for (const path of protection.readOnly) mounts.set(path, 'read')
  for (const { path } of protection.missing) if (entryAt(path) !== null) mounts.set(path, 'read')
  if ([...mounts.keys()].some((path) => isWithin(path, dataDir)) && entryAt(dataDir) !== null) {
    if (isWithin(projectPath, dataDir)) {
      // Pinned, so that a run cannot move it away and create a data directory that the server uses next.
      for (const path of directoriesBetween(projectPath, dataDir))
        if (!mounts.has(path)) mounts.set(path, 'write')
    }
    mounts.set(dataDir, 'hidden')
  }
  const sorted = [...mounts].sort(([a], [b]) => (a < b ? -1 : 1))
  return { mounts: sorted, visible: (path) => isSystemPath(path) || accessOf(path, sorted) }
}

function accessOf(path: string, mounts: readonly (readonly [string, Access])[]): boolean {
  const covering = mounts.filter(([mounted]) => isWithin(mounted, path))
  const nearest = covering.reduce<readonly [string, Access] | null>(
    (best, mount) => (best === null || mount[0].length > best[0].length ? mount : best),
    null,
  )
  return nearest !== null && nearest[1] !== 'hidden'
}

function refuseSystemProject(projectPath: string): void {
  const ofTheKernel = ['/proc', '/sys', '/dev'].some((directory) => isWithin(directory, projectPath))
  if (projectPath !== '/' && !ofTheKernel && !systemDirectories.includes(projectPath)) return
  throw new MillraceError(
    'sandbox_unavailable',
    `${projectPath} cannot be a project in a sandbox: it is part of the system`,
  )
}
