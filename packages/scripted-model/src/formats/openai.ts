/** What the two formats of OpenAI share: their errors. https://platform.openai.com/docs/guides/error-codes */
import { type ErrorType, errorStatus } from '../script.ts'
import { type ErrorBody, messageOr } from './format.ts'

interface Named {
  status?: number
  type: string
  code: string | null
}

const names: Record<ErrorType, Named> = {
  invalid_request_error: { type: 'invalid_request_error', code: null },
  context_overflow: { type: 'invalid_request_error', code: 'context_length_exceeded' },
  authentication_error: { type: 'invalid_request_error', code: 'invalid_api_key' },
  billing_error: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  permission_error: { type: 'invalid_request_error', code: null },
  not_found_error: { type: 'invalid_request_error', code: 'model_not_found' },
  request_too_large: { type: 'invalid_request_error', code: null },
  rate_limit_error: { type: 'requests', code: 'rate_limit_exceeded' },
  api_error: { type: 'server_error', code: null },
  timeout_error: { type: 'server_error', code: null },
  overloaded_error: { status: 503, type: 'server_error', code: null },
}

const words: Partial<Record<ErrorType, string>> = {
  overloaded_error: 'The engine is currently overloaded, please try again later',
  rate_limit_error: 'Rate limit reached for requests',
  api_error: 'The server had an error while processing your request',
}

export function openAiError(
  type: ErrorType,
  given: string | undefined,
  script: string,
  overflow: string,
): ErrorBody {
  const { status = errorStatus[type], ...named } = names[type]
  const message = messageOr(given, type, { ...words, context_overflow: overflow }, script)
  return { status, body: { error: { message, ...named, param: null } } }
}
