/** A form of an agent as text, and the command that answers it. */
import { choicesOf, type Form, type FormField } from '@millrace/protocol'
import { printable } from '#cli/terminal'

export function formText(runId: string, approvalId: string, { message, schema }: Form): string {
  const { properties, required = [] } = schema
  const fields = Object.entries(properties).flatMap(([name, field]) => fieldLines(name, field, required))
  const values = Object.entries(properties).map(([name, field]) => [name, exampleOf(field)] as const)
  const json = JSON.stringify(Object.fromEntries(values)).replaceAll("'", "'\\''")
  return [
    `? asks: ${message}`,
    ...fields,
    `  millrace approve ${runId} ${approvalId} --values '${json}'`,
    `  millrace deny ${runId} ${approvalId}`,
  ]
    .flatMap((text) => text.split('\n'))
    .map(printable)
    .join('\n')
}

function fieldLines(name: string, field: FormField, required: readonly string[]): string[] {
  const { title, description } = field
  const words = [title, description].filter((text) => text !== undefined).join(': ')
  const optional = required.includes(name) ? '' : ' (optional)'
  const choices = choicesOf(field) ?? []
  return [
    `  ${name}${optional}${words === '' ? '' : ` ${words}`}`,
    ...choices.map((choice) => `    - ${choice.const}${choice.description ? `: ${choice.description}` : ''}`),
    ...(choices.length > 0 && 'other' in field && field.other ? ['    - or anything else'] : []),
  ]
}

function exampleOf(field: FormField): unknown {
  if (field.default !== undefined) return field.default
  const first = choicesOf(field)?.[0]?.const ?? '…'
  switch (field.type) {
    case 'string':
      return first
    case 'array':
      return [first]
    case 'boolean':
      return true
    default:
      return field.minimum ?? 0
  }
}
