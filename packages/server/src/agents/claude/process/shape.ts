/**
 * Checks whether the agent SDK can take a control message of a session's process. Programs of the project run as the
 * same user as the process and may write in its name.
 */

/**
 * Checks that a control message has the parts the SDK needs. An incomplete one makes the SDK reject a
 * promise that nobody can handle, which would end the server.
 */
export function isComplete(message: { type: string }): boolean {
  const { type, request, response, request_id: id } = message as Record<string, unknown>
  switch (type) {
    case 'control_request':
      return isId(id) && isObject(request) && typeof request.subtype === 'string'
    case 'control_response':
      return isObject(response) && isId(response.request_id)
    case 'control_cancel_request':
      return isId(id)
    default:
      return true
  }
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 200
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
