/**
 * Makes a conversation shorter. First the results of old calls are removed, and the long inputs that they
 * had; if that does not suffice, the oldest steps are, with a list of their calls in their place; at last
 * the results of the newest step are cut. The task itself always stays. No model is asked.
 */
import type { ModelMessage, ToolResultPart } from 'ai'
import { estimateTokens } from '../model/meter.ts'
import { callsIn } from './conversation.ts'

export interface Compacted {
  messages: ModelMessage[]
  tokensBefore: number
  tokensAfter: number
  /** Steps that were removed whole. */
  stepsRemoved: number
}

/** The newest steps, whose results stay as long as anything else can be shortened. */
const stepsKept = 3
const inputCharsMax = 500
const resultCharsMax = 500
/** What stays of a result of the newest step when nothing else is left to shorten. */
const lastResultCharsMax = 4000
const listedCallsMax = 100

/** Returns a conversation of at most `target` estimated tokens, or the shortest that there is. */
export function compact(messages: readonly ModelMessage[], target: number): Compacted {
  const tokensBefore = estimateTokens(messages)
  const [task, ...rest] = messages
  const steps = stepsOf(rest)
  const fits = (tried: ModelMessage[][], note: ModelMessage[] = []) =>
    estimateTokens([task, ...note, ...tried.flat()]) <= target
  const done = (tried: ModelMessage[][], note: ModelMessage[], stepsRemoved: number): Compacted => {
    const shorter = [...(task === undefined ? [] : [task]), ...note, ...tried.flat()]
    return { messages: shorter, tokensBefore, tokensAfter: estimateTokens(shorter), stepsRemoved }
  }

  const old = Math.max(0, steps.length - stepsKept)
  let tried = steps.map((step, at) => (at < old ? shortened(step, inputCharsMax, resultCharsMax) : step))
  if (fits(tried)) return done(tried, [], 0)
  tried = tried.map((step, at) =>
    at < steps.length - 1 ? shortened(step, inputCharsMax, resultCharsMax) : step,
  )
  if (fits(tried)) return done(tried, [], 0)

  let removed = 0
  while (removed < tried.length - 1 && !fits(tried.slice(removed), noteOn(steps.slice(0, removed))))
    removed += 1
  let left = tried.slice(removed)
  const note = noteOn(steps.slice(0, removed))
  if (!fits(left, note)) left = left.map((step) => shortened(step, inputCharsMax, lastResultCharsMax))
  return done(left, note, removed)
}

/** A step is an answer with the results of its calls; what people wrote is a step of its own. */
function stepsOf(messages: readonly ModelMessage[]): ModelMessage[][] {
  const steps: ModelMessage[][] = []
  for (const message of messages) {
    const last = steps.at(-1)
    if (message.role === 'tool' && last !== undefined) last.push(message)
    else steps.push([message])
  }
  return steps
}

function shortened(step: readonly ModelMessage[], inputChars: number, resultChars: number): ModelMessage[] {
  return step.map((message): ModelMessage => {
    if (message.role === 'tool') {
      return {
        ...message,
        content: message.content.map((part) =>
          part.type === 'tool-result' ? cutResult(part, resultChars) : part,
        ),
      }
    }
    if (message.role !== 'assistant' || typeof message.content === 'string') return message
    return {
      ...message,
      content: message.content.map((part) =>
        part.type === 'tool-call' ? { ...part, input: cutInput(part.input, inputChars) } : part,
      ),
    }
  })
}

function cutResult(part: ToolResultPart, chars: number): ToolResultPart {
  const { output } = part
  if ((output.type !== 'text' && output.type !== 'error-text') || output.value.length <= chars) return part
  const half = Math.floor(chars / 2)
  const removed = output.value.length - 2 * half
  const value = `${output.value.slice(0, half)}\n[… ${removed} characters were removed here to save room; call again if you need them …]\n${output.value.slice(-half)}`
  return { ...part, output: { ...output, value } }
}

function cutInput(input: unknown, chars: number): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => [
      key,
      typeof value === 'string' && value.length > chars
        ? `${value.slice(0, chars)}[… ${value.length - chars} characters were removed here to save room …]`
        : value,
    ]),
  )
}

function noteOn(steps: readonly ModelMessage[][]): ModelMessage[] {
  if (steps.length === 0) return []
  const calls = steps.flat().flatMap((message) => callsIn(message))
  const listed = calls
    .slice(-listedCallsMax)
    .map(({ name, input }) => `- ${name} ${JSON.stringify(input)?.slice(0, 200)}`)
  const text = [
    `[The oldest ${steps.length} steps of your work were removed to save room. Their calls, oldest first:`,
    ...(calls.length > listed.length ? [`(${calls.length - listed.length} earlier calls)`] : []),
    ...listed,
    'Their effects remain. Read again what you need.]',
  ]
  return [{ role: 'user', content: text.join('\n') }]
}
