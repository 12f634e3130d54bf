/** Turns an error of a model into a code of the closed list and one sentence, without a key or a stack. */
import { type ExecutionErrorCode, messageOf } from '@millrace/protocol'
import { APICallError, RetryError } from 'ai'
import { ExecutionFailure } from '#agents/spending/meter'
import { BrokenAnswer, FailedRequest } from '../loop/step.ts'

export interface Failure {
  code: ExecutionErrorCode
  message: string
}

/** Each provider has its own words for a request that is longer than its model can read. */
const overflowWords = [
  /prompt is too long/i,
  /context[ _](length|limit|window|size)/i,
  /input token count.*exceeds/i,
  /maximum (number of )?(input )?tokens/i,
  /too many (input )?tokens/i,
]
const wordsCharsMax = 300

export function failureOf(error: unknown, model: string, redact: (text: string) => string): Failure {
  if (error instanceof ExecutionFailure) return { code: error.code, message: redact(error.message) }
  const { last, attempts } = lastOf(error)
  if (isOverflow(last)) {
    return {
      code: 'context_overflow',
      message: `The conversation is too long for ${model}, even without its oldest steps.`,
    }
  }
  const words = redact(wordsOf(last)).replace(/\s+/g, ' ').slice(0, wordsCharsMax)
  if (!(error instanceof BrokenAnswer || error instanceof FailedRequest)) {
    return { code: 'internal', message: `The agent failed: ${words.replace(/\.$/, '')}.` }
  }
  const status = APICallError.isInstance(last) ? last.statusCode : undefined
  const answer =
    status === undefined ? `The request to ${model} failed` : `${model} answered with status ${status}`
  const tried = attempts > 1 ? ` after ${attempts} attempts` : ''
  return { code: 'provider_error', message: `${answer}${tried}: ${words.replace(/\.$/, '')}.` }
}

export function isOverflow(error: unknown): boolean {
  const { last } = lastOf(error)
  if (
    APICallError.isInstance(last) &&
    last.statusCode !== undefined &&
    ![400, 413, 422].includes(last.statusCode)
  ) {
    return false
  }
  const words = `${wordsOf(last)} ${APICallError.isInstance(last) ? (last.responseBody ?? '') : ''}`
  return overflowWords.some((pattern) => pattern.test(words))
}

function lastOf(error: unknown): { last: unknown; attempts: number } {
  if (error instanceof BrokenAnswer || error instanceof FailedRequest) return lastOf(error.cause)
  if (RetryError.isInstance(error)) return { last: error.lastError, attempts: error.errors.length }
  return { last: error, attempts: 1 }
}

function wordsOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  // An error in the middle of a stream is a plain object.
  const { message: said, cause } = error as { message?: unknown; cause?: unknown }
  const message = typeof said === 'string' ? said : messageOf(error)
  const code = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message
}
