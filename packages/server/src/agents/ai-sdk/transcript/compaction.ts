/**
 * Makes a conversation shorter. Long inputs and results are cut in their middle, those of the oldest steps
 * first. If that does not suffice, the oldest steps are removed, and a list of their calls takes their
 * place. What people wrote always stays. No model is asked.
 */
import type { ModelMessage, ToolResultPart } from 'ai'
import { estimateTokens } from '#agents/spending/price'
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
/** The same for the newest step, whose results the model has not read yet. */
const lastResultCharsMax = 4000
/** More than the words that stand for what was removed: what was cut once is not cut again. */
const slackChars = 200
const listedCallsMax = 100

/** Returns a conversation of at most `target` estimated tokens, or the shortest that there is. */
export function compact(messages: readonly ModelMessage[], target: number): Compacted {
  const tokensBefore = estimateTokens(messages)
  const [task, ...rest] = messages
  let steps = stepsOf(rest)
  const joined = (removed: number): ModelMessage[] => [
    ...(task === undefined ? [] : [task]),
    ...remainderOf(steps.slice(0, removed)),
    ...steps.slice(removed).flat(),
  ]
  const fits = (removed: number) => estimateTokens(joined(removed)) <= target
  const stages: [upTo: number, resultChars: number][] = [
    [steps.length - stepsKept, resultCharsMax],
    [steps.length - 1, resultCharsMax],
    [steps.length, lastResultCharsMax],
  ]
  for (const [upTo, resultChars] of stages) {
    if (fits(0)) break
    steps = steps.map((step, at) => (at < upTo ? shortened(step, resultChars) : step))
  }
  let stepsRemoved = 0
  while (stepsRemoved < steps.length - 1 && !fits(stepsRemoved)) stepsRemoved += 1
  const shorter = joined(stepsRemoved)
  return { messages: shorter, tokensBefore, tokensAfter: estimateTokens(shorter), stepsRemoved }
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

function shortened(step: readonly ModelMessage[], resultChars: number): ModelMessage[] {
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
        part.type === 'tool-call' ? { ...part, input: cutInput(part.input) } : part,
      ),
    }
  })
}

function cutResult(part: ToolResultPart, chars: number): ToolResultPart {
  const { output } = part
  if ((output.type !== 'text' && output.type !== 'error-text') || output.value.length <= chars + slackChars)
    return part
  const half = Math.floor(chars / 2)
  const removed = output.value.length - 2 * half
  const value = `${output.value.slice(0, half)}\n[… ${removed} characters were removed here to save room; call again if you need them …]\n${output.value.slice(-half)}`
  return { ...part, output: { ...output, value } }
}

function cutInput(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => [
      key,
      typeof value === 'string' && value.length > inputCharsMax + slackChars
        ? `${value.slice(0, inputCharsMax)}[… ${value.length - inputCharsMax} characters were removed here to save room …]`
        : value,
    ]),
  )
}

const noteBegin = '[The oldest steps of your work were removed to save room. Their calls, oldest first:'
const noteEnd = 'Their effects remain. Read again what you need.]'

/** What takes the place of removed steps: a list of their calls, and what people wrote among them. */
function remainderOf(steps: readonly ModelMessage[][]): ModelMessage[] {
  const removed = steps.flat()
  if (removed.length === 0) return []
  const calls = removed.flatMap(linesOf)
  const listed = calls.slice(-listedCallsMax)
  const more = calls.length > listed.length ? [`(${calls.length - listed.length} earlier calls)`] : []
  const note: ModelMessage = { role: 'user', content: [noteBegin, ...more, ...listed, noteEnd].join('\n') }
  return [note, ...removed.filter((message) => message.role === 'user' && !isNote(message))]
}

function isNote({ content }: ModelMessage): boolean {
  return typeof content === 'string' && content.startsWith(noteBegin)
}

/** A line for each call, also for those that an earlier note lists. */
function linesOf(message: ModelMessage): string[] {
  if (isNote(message))
    return String(message.content)
      .split('\n')
      .filter((line) => line.startsWith('- '))
  return callsIn(message).map(({ name, input }) => `- ${name} ${JSON.stringify(input)?.slice(0, 200)}`)
}
