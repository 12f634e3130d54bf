/** Forms that programs of an agent put to people, by the elicitation of MCP and of the Agent Client Protocol. */
import { type Form, type FormValues, namedFields, whyUnanswerable } from '@millrace/protocol'
import { formSchema } from '@millrace/protocol/schemas'
import type { Gate } from './gate.ts'

export interface Elicitation {
  gate: Pick<Gate, 'permit' | 'refuse'>
  /** Unique in the run. */
  id: string
  /** What people see as the asker. */
  tool: string
  message: unknown
  /** `form`, or another way to ask, none of which is offered. Absent: `form`. */
  mode: unknown
  requestedSchema: unknown
  /** Aborted when no answer is needed any longer. */
  signal: AbortSignal
}

export type Elicited =
  | { action: 'accept'; content: FormValues }
  | { action: 'decline' | 'cancel' }
  /** Nobody was asked: the form is one that people cannot be shown, or cannot answer. */
  | { action: 'refuse'; reason: string }

/** Of the JSON: the log has it, in one event. */
const formCharsMax = 65_536

/** Never rejects. A form that nobody can answer is refused, and the log says why. */
export async function elicit(asked: Elicitation): Promise<Elicited> {
  const { gate, id, tool, signal } = asked
  const form = formOf(asked)
  if (typeof form === 'string') {
    gate.refuse({ id, tool, input: { message: messageOf(asked) } }, form)
    return { action: 'refuse', reason: form }
  }
  if (signal.aborted) return { action: 'cancel' }
  const inputWith = (values: FormValues) => ({ message: form.message, values })
  const permit = await gate.permit({
    id,
    tool,
    input: { message: form.message },
    form: { ...form, inputWith },
    signal,
  })
  if (signal.aborted) return { action: 'cancel' }
  return permit.allowed
    ? { action: 'accept', content: permit.input.values as FormValues }
    : { action: 'decline' }
}

type Asked = Pick<Elicitation, 'message' | 'mode' | 'requestedSchema'>

/** A text says why people cannot be asked this. */
function formOf({ message, mode = 'form', requestedSchema }: Asked): Form | string {
  if (mode !== 'form') return 'People are not sent to an address that an agent names: ask with a form.'
  if (typeof message !== 'string') return 'The form has no message.'
  if (requestedSchema === null || typeof requestedSchema !== 'object') return 'The form has no schema.'
  const json = JSON.stringify({ type: 'object', properties: {}, ...requestedSchema }, withoutNull)
  if (json.length + message.length > formCharsMax)
    return `The form is longer than ${formCharsMax} characters.`
  const { data, error } = formSchema.safeParse(JSON.parse(json))
  if (data === undefined) return `The form cannot be shown: ${faultsOf(error)}.`
  const why = whyUnanswerable(data)
  if (why !== null) return `The form cannot be answered: ${why}.`
  return { message: message.slice(0, messageCharsMax), schema: data }
}

function faultsOf({ issues }: { issues: readonly { path: PropertyKey[]; message: string }[] }): string {
  return namedFields(
    issues.map(({ path, message }) => ({ path: path.map(String).join('.') || 'schema', expected: message })),
  )
}

const messageCharsMax = 4096

function messageOf({ message }: Asked): string {
  return typeof message === 'string' ? message.slice(0, messageCharsMax) : ''
}

/** Null and absent mean the same in the Agent Client Protocol. */
function withoutNull(_key: string, value: unknown): unknown {
  return value === null ? undefined : value
}
