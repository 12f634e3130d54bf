/** The input and the result of a call as text, whatever they are. */

export function textOfResult(result: unknown): string {
  if (result === undefined || result === null) return ''
  if (typeof result === 'string') return result
  const { text, output, stdout, content, error } = result as Record<string, unknown>
  for (const said of [error, text, output, stdout, content]) if (typeof said === 'string') return said
  if (Array.isArray(content)) {
    const texts = content.map((part) => (part as { text?: unknown } | null)?.text)
    if (texts.every((one) => typeof one === 'string')) return texts.join('\n')
  }
  return JSON.stringify(result, null, 2)
}

/** The input of a call: a command as it is, other fields by their names. */
export function textOfInput(input: unknown): string {
  if (typeof input !== 'object' || input === null) return input === undefined ? '' : String(input)
  const { command, ...others } = input as Record<string, unknown>
  const fields = Object.entries(others).map(([name, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')
    return text.includes('\n') ? `${name}:\n${text}` : `${name}: ${text}`
  })
  return (typeof command === 'string' ? [command, ...fields] : fields).join('\n')
}
