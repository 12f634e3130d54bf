import { recordOf } from './lines.ts'

/** The codes of errors of JSON-RPC, and of the protocol's "log in first". */
export const invalidParams = -32602
export const authRequired = -32000

/** The agent answered a request with an error. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export function refusalOf(
  error: { code: number; message: string; data?: unknown },
  quote: (text: string) => string,
): Refusal {
  return new Refusal(error.code, quote(wordsOf(error)))
}

/** Agents put the reason into the data of an error whose message says only "Internal error". */
function wordsOf({ message, data }: { message: string; data?: unknown }): string {
  const { details, message: more } = recordOf(data) ?? {}
  const words = [details, more].find((one) => typeof one === 'string' && one !== '' && one !== message)
  return words === undefined ? message : `${message}: ${String(words)}`
}
