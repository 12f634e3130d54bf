/** Finds the step of a script that answers a conversation. */
import type { Conversation } from './conversation.ts'
import type { Pattern, ReadyScript, ReadyStep, When } from './script.ts'
import type { Fillings } from './template.ts'

export interface Match {
  step: ReadyStep
  index: number
  fillings: Fillings
}

/** Returns the first step that holds and is not used up. `uses` counts how often each step answered. */
export function findStep(
  script: ReadyScript,
  conversation: Conversation,
  uses: ReadonlyMap<number, number>,
): Match | undefined {
  for (const [index, step] of script.steps.entries()) {
    if (step.times !== undefined && (uses.get(index) ?? 0) >= step.times) continue
    const fillings = matchStep(step.when, conversation)
    if (fillings !== undefined) return { step, index, fillings }
  }
  return undefined
}

type Captures = Record<string, string>

function matchStep(when: When, conversation: Conversation): Fillings | undefined {
  if (when.turn !== undefined && when.turn !== conversation.turn) return undefined
  if (when.longerThan !== undefined && conversation.chars <= when.longerThan) return undefined
  const captures: Captures = {}
  const texts: [Pattern | undefined, string | undefined][] = [
    [when.prompt, conversation.prompt],
    [when.text, conversation.text],
    [when.system, conversation.system],
    [when.model, conversation.model],
  ]
  for (const [pattern, text] of texts) if (!find(pattern, text, captures)) return undefined
  const result = findResult(when.toolResult, conversation, captures)
  if (when.toolResult !== undefined && result === undefined) return undefined
  return {
    cwd: conversation.cwd,
    prompt: conversation.prompt,
    result: result ?? conversation.text ?? conversation.toolResults.at(-1)?.text ?? '',
    turn: String(conversation.turn),
    model: conversation.model,
    match: captures,
  }
}

/** Returns the text of the first result that holds. */
function findResult(
  wanted: When['toolResult'],
  { toolResults }: Conversation,
  captures: Captures,
): string | undefined {
  if (wanted === undefined) return undefined
  const { tool, isError } = wanted
  return toolResults.find(
    (result) =>
      (tool === undefined || tool === result.tool) &&
      (isError === undefined || isError === result.isError) &&
      find(wanted.text, result.text, captures),
  )?.text
}

/** True if there is nothing to find, or if it is found. Adds the captures of a regex to `captures`. */
function find(pattern: Pattern | undefined, text: string | undefined, captures: Captures): boolean {
  if (pattern === undefined) return true
  if (text === undefined) return false
  if (typeof pattern === 'string') return text.includes(pattern)
  const found = new RegExp(pattern.regex, pattern.flags).exec(text)
  if (found === null) return false
  for (const [key, value] of [...found.entries(), ...Object.entries(found.groups ?? {})]) {
    if (value !== undefined) captures[key] = value
  }
  return true
}
