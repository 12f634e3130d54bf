import {
  type PermissionResolvedEvent,
  parkingTypes,
  permissionTypes,
  type RunParkedEvent,
} from '@millrace/protocol'
import type { ApprovalStore, LogStore, RunRecord } from '#store/store'
import { windowsFromEnd } from './log-windows.ts'

type PutOffStore = Pick<ApprovalStore, 'openApprovals'> & Pick<LogStore, 'readAfter'>

/**
 * Returns the approvals whose calls were put off when the run was last parked: those that were open then, and that which it
 * waited for. The calls of all others have had their answers.
 */
export async function putOffQuestions(run: RunRecord, store: PutOffStore): Promise<ReadonlySet<string>> {
  // First: what is answered meanwhile is in the log.
  const putOff = new Set((await store.openApprovals(run.id)).map(({ id }) => id))
  const types = [parkingTypes.parked, permissionTypes.resolved]
  for await (const events of windowsFromEnd(run, store, types)) {
    for (const { type, json } of events.toReversed()) {
      putOff.add((JSON.parse(json) as RunParkedEvent | PermissionResolvedEvent).approvalId)
      if (type === parkingTypes.parked) return putOff
    }
  }
  return putOff
}
