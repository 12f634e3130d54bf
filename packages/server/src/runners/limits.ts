/** The limits of runs whose configuration names none: one that runs away leaves room for the others. */
import { totalmem } from 'node:os'
import type { ProcessLimits } from '@millrace/sandbox'

/** All processes of a run together. */
export const defaultProcessLimits: Required<ProcessLimits> = {
  memoryBytes: Math.floor(totalmem() / 2),
  processes: 2000,
}
