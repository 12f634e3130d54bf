/** Answers an agent's requests for permission, and for what people fill in: the gate judges the call, and people are asked where the policy says so. */
import type { CreateElicitationResponse, RequestPermissionResponse } from '@agentclientprotocol/sdk'
import { elicit } from '#agents/elicitation'
import type { Gate } from '#agents/gate'
import type { Calls } from './calls.ts'
import { judgedAs } from './judging.ts'
import { type JsonRecord, recordOf } from './lines.ts'
import { invalidParams } from './refusal.ts'
import type { AcpSdk } from './sdk.ts'

export interface PermissionParts {
  gate: Pick<Gate, 'judge' | 'permit'>
  calls: Calls
  /** Aborted when the turn is cut: the question is then answered as cancelled. */
  cut: AbortSignal
  /** The gate allowed a call, and the agent offers no way to allow it. */
  unanswerable(id: string): void
}

/** Never rejects. */
export async function answerPermission(
  params: JsonRecord,
  parts: PermissionParts,
): Promise<RequestPermissionResponse> {
  const options = optionsIn(params)
  const call = parts.calls.take(
    recordOf(params.toolCall) ?? {},
    JSON.stringify(params.toolCall ?? null).length,
  )
  if (call === null) return choose(options, rejecting)
  const decided = decide(call, parts)
  const isAllowed = await Promise.race([decided, aborted(parts.cut)])
  if (isAllowed === null) return cancelled
  if (!isAllowed) return choose(options, rejecting)
  // A lasting permission would let later calls pass unasked.
  const chosen = choose(options, ['allow_once'])
  if (chosen !== cancelled) return chosen
  parts.unanswerable(call.id)
  return choose(options, rejecting)
}

const cancelled: RequestPermissionResponse = { outcome: { outcome: 'cancelled' } }
const rejecting = ['reject_once', 'reject_always'] as const

async function decide(
  call: NonNullable<ReturnType<Calls['take']>>,
  { gate, cut: signal }: Pick<PermissionParts, 'gate' | 'cut'>,
): Promise<boolean> {
  const [first, ...others] = judgedAs(call)
  for (const [index, { tool, input }] of others.entries()) {
    const verdict = await gate.judge({ id: `${call.id}#${index}`, tool, input })
    if (verdict.decision === 'deny') return false
  }
  const permit = await gate.permit({ id: call.id, tool: first.tool, input: first.input, signal })
  // The agent runs what it asked for, and cannot be given another input.
  return permit.allowed && JSON.stringify(permit.input) === JSON.stringify(first.input)
}

export interface FormParts {
  gate: Pick<Gate, 'permit' | 'refuse'>
  cut: AbortSignal
  /** Of the form, in its run. */
  number: number
  sdk: Pick<AcpSdk, 'RequestError'>
}

/**
 * Answers a request of an agent for what people fill in.
 * @throws RequestError that says why, for a form that nobody can answer.
 */
export async function answerForm(
  { mode, message, requestedSchema, toolCallId }: JsonRecord,
  { gate, cut, number, sdk }: FormParts,
): Promise<CreateElicitationResponse> {
  const elicited = await elicit({
    gate,
    id: typeof toolCallId === 'string' ? `${toolCallId.slice(0, 1000)}#form-${number}` : `form-${number}`,
    tool: 'elicitation',
    message,
    mode: mode ?? undefined,
    requestedSchema,
    signal: cut,
  })
  if (elicited.action === 'refuse') throw new sdk.RequestError(invalidParams, elicited.reason)
  return elicited
}

interface Option {
  id: string
  kind: string
}

function optionsIn({ options }: JsonRecord): Option[] {
  if (!Array.isArray(options)) return []
  return options.slice(0, 100).flatMap((option) => {
    const { optionId, kind } = recordOf(option) ?? {}
    return typeof optionId === 'string' && typeof kind === 'string' ? [{ id: optionId, kind }] : []
  })
}

/** The first option of the first kind that there is; `cancelled` where there is none. */
function choose(options: readonly Option[], kinds: readonly string[]): RequestPermissionResponse {
  const chosen = kinds.flatMap((kind) => options.find((option) => option.kind === kind) ?? [])[0]
  return chosen === undefined ? cancelled : { outcome: { outcome: 'selected', optionId: chosen.id } }
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}
