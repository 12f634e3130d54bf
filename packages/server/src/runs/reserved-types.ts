/** The event types that only the server may write: what it says of a run, nobody else can say. */
import { finalStates, permissionTypes, type RunKind, resetType, terminalType } from '@millrace/protocol'

export function isReserved(kind: RunKind, type: string): boolean {
  if (type.startsWith('run:') || type === resetType) return true
  if (type === permissionTypes.requested || type === permissionTypes.resolved) return true
  return finalStates.some((state) => terminalType(kind, state) === type)
}
