/** Forms that programs of an agent put to people, by the elicitation of MCP and of the Agent Client Protocol. */
import type { Form, FormValues } from '@millrace/protocol'
import { formSchema } from '@millrace/protocol/schemas'
import type { Gate } from './gate.ts'

export interface Elicitation {
  gate: Pick<Gate, 'permit' | 'withdraw'>
  /** Unique in the run. */
  id: string
  /** What people see as the asker. */
  tool: string
  message: unknown
  requestedSchema: unknown
  /** Aborted when no answer is needed any longer. */
  signal: AbortSignal
}

export type Elicited = { action: 'accept'; content: FormValues } | { action: 'decline' | 'cancel' }

/** Of the JSON: the log has it, in one event. */
const formCharsMax = 65_536

/** Never rejects. A form that cannot be shown is declined. */
export async function elicit(asked: Elicitation): Promise<Elicited> {
  const { gate, id, tool, signal } = asked
  const form = formOf(asked.message, asked.requestedSchema)
  if (form === null) return { action: 'decline' }
  if (signal.aborted) return { action: 'cancel' }
  const withdraw = () => gate.withdraw(id)
  signal.addEventListener('abort', withdraw, { once: true })
  const inputWith = (values: FormValues) => ({ message: form.message, values })
  const permit = await gate.permit({
    id,
    tool,
    input: { message: form.message },
    form: { ...form, inputWith },
  })
  signal.removeEventListener('abort', withdraw)
  if (signal.aborted) return { action: 'cancel' }
  return permit.allowed
    ? { action: 'accept', content: permit.input.values as FormValues }
    : { action: 'decline' }
}

/** Null: it is not a form that people can be shown. */
export function formOf(message: unknown, requestedSchema: unknown): Form | null {
  if (typeof message !== 'string' || requestedSchema === null || typeof requestedSchema !== 'object')
    return null
  const json = JSON.stringify({ type: 'object', properties: {}, ...requestedSchema }, withoutNull)
  if (json.length + message.length > formCharsMax) return null
  const { success, data } = formSchema.safeParse(JSON.parse(json))
  return success ? { message: message.slice(0, messageCharsMax), schema: data } : null
}

const messageCharsMax = 4096

/** Null and absent mean the same in the Agent Client Protocol. */
function withoutNull(_key: string, value: unknown): unknown {
  return value === null ? undefined : value
}
