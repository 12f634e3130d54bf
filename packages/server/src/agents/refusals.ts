/** What an agent reads about a call of its that the gate refuses. */
import { messageOf } from '@millrace/protocol'
import type { ApprovalAnswer } from '#runners/runner'

export const withdrawnReason = 'The question about this call was withdrawn, so it is refused.'

export function failureReason(error: unknown): string {
  return `The policy could not judge this call: ${messageOf(error)}.`
}

export function refusalBy(answer: ApprovalAnswer, reason: string): string {
  switch (answer.by) {
    case 'person':
      return answer.message
        ? `A person refused this call: ${answer.message}`
        : `A person refused this call. It needed an approval because: ${reason}`
    case 'expiry':
      return `Nobody answered in time, so this call is refused. It needed an approval because: ${reason}`
    case 'withdrawn':
      return withdrawnReason
    default:
      return answer.by satisfies never
  }
}

/** For the agent that put a form to people. */
export function noAnswer({ by, message }: ApprovalAnswer): string {
  if (by === 'withdrawn') return 'The question was withdrawn.'
  if (by === 'expiry') return 'Nobody answered in time. Decide sensibly, and say at the end what you decided.'
  return message ? `A person declined to answer: ${message}` : 'A person declined to answer.'
}
