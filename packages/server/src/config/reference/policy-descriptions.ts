/** What each key of `policy` does. */
import type { Description } from './description.ts'

export const policyDescriptions: Record<string, Description> = {
  'policy.allowedTools': {
    text: 'The tools an agent may call. See [policy.md](policy.md).',
    example: ['Read', 'Grep', 'Bash'],
    default: 'the built-in list',
  },
  'policy.approvals': {
    text: 'Whether people are asked before a call that the policy leaves open.',
    example: 'on',
  },
  'policy.unreadableBash': {
    text: 'What happens to a shell command that cannot be fully read, inside a sandbox.',
    example: 'ask',
    default: '`"ask"` where people may be asked, else `"allow"`',
  },
  'policy.approvalSeconds': {
    text: 'How long a person has to answer before the answer is no.',
    example: 600,
  },
  'policy.parkAfterSeconds': {
    text: 'How long the process of a session waits for an answer before it ends, to be started again with the answer. See [Parked runs](protocol.md#parked-runs).',
    example: 5,
  },
}
