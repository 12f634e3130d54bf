/** Refusals of the jobs face: `{"error":{"message"}}` (docs/protocol.md#4-jobs-face). */
import { type RefusalShape, statusOf } from '#http/refusals'

export const jobsRefusals: RefusalShape = {
  contentType: 'application/json',
  status: statusOf,
  body: (error) => ({ error: { message: error.message } }),
  schema: () => {
    const error = { type: 'object', required: ['message'], properties: { message: { type: 'string' } } }
    return { type: 'object', required: ['error'], properties: { error } }
  },
}
