/** A path that a run may not write, or that belongs to a repository it works in. */

import type { WatchedName } from './name-watcher.ts'
import type { StandIn } from './placeholders.ts'

export interface Protected {
  path: string
  kind: StandIn['kind']
  content?: string
  /** The directory that the run may write, in which the path lies. Default: the project. */
  top?: string
  /** Not protected: part of a repository that the run needs. */
  access?: 'read' | 'write'
  isCopied?: boolean
  isGenerated?: boolean
  /** Set for what lies outside a repository. */
  watch?: WatchedName['kind']
}
