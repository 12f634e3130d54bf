/** A service whose runs are sessions with scripts, and a clock that moves when a test says so. */
import { type PermissionResolvedEvent, permissionTypes, type Run } from '@millrace/protocol'
import { ManualClock } from '@millrace/test-support/manual-clock'
import { until } from '@millrace/test-support/until'
import { expect } from 'vitest'
import type { ApprovalRequest, RunContext } from '#runners/runner'
import type { Store } from '#store/store'
import { ann, expectWholeLog, openRig, type Rig, type RigOptions } from './rig.ts'
import { outcome, type Script, untilAsked } from './scripted-runner.ts'

export const approvalRequest: ApprovalRequest = {
  toolUseId: 'toolu_1',
  tool: 'Bash',
  input: { command: 'git push' },
  reason: 'it cannot be taken back',
}

export interface SessionRig extends Rig {
  clock: ManualClock
}

export async function openSessions(options: RigOptions & { script: Script }): Promise<SessionRig> {
  const clock = new ManualClock(1_000_000)
  const parts = { now: clock.now, after: clock.after, ...options.parts }
  const rig = await openRig({ kind: 'session', concurrency: 20, ...options, parts })
  return { ...rig, clock }
}

let projects = 0

/** Each in a project of its own by default. */
export async function startSession(
  rig: Rig,
  spec: Record<string, unknown> = {},
  principal = ann,
): Promise<Run> {
  projects += 1
  const request = { kind: 'session' as const, project: `p${projects}`, prompt: 'fix it', ...spec }
  return (await rig.runs.start(request, principal)).run
}

/** A script that reports its start, then does the given work. */
export function working(work: (context: RunContext) => Promise<unknown>): Script {
  return async (context) => {
    await context.started()
    return outcome({ result: await work(context) })
  }
}

/** Asks for one approval; the answer is the result. */
export const askOnce = working((context) => context.ask(approvalRequest))

/** Requests an approval, then works until it is asked to end, whatever the answer. */
export const askAndStay = working(async (context) => {
  context.ask(approvalRequest).catch(() => {})
  await untilAsked(context.signal)
})

export async function openApproval(store: Store, id: string): Promise<string> {
  return until(async () => (await store.openApprovals(id))[0]?.id ?? '')
}

/** Asserts that each approval of a finished run has one answer in its log; returns the answers. */
export async function expectResolvedOnce(store: Store, id: string): Promise<PermissionResolvedEvent[]> {
  const log = await expectWholeLog(store, id)
  const dataOf = (wanted: string) =>
    log.filter(({ type }) => type === wanted).map(({ data }) => data as unknown as PermissionResolvedEvent)
  const resolved = dataOf(permissionTypes.resolved)
  const requested = dataOf(permissionTypes.requested)
  expect(resolved.map((one) => one.approvalId).toSorted()).toEqual(
    requested.map((one) => one.approvalId).toSorted(),
  )
  return resolved
}
