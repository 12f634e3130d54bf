/**
 * Reads JSON bodies, and refuses those that nest deeper than any honest one: code that walks such a
 * value recursively would run out of stack.
 */
import { MillraceError } from '@millrace/protocol'
import type { FastifyInstance } from 'fastify'

export const jsonDepthMax = 64

/** True when the text opens more than `limit` arrays and objects inside one another. */
export function nestsDeeperThan(text: string, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (inString) {
      if (unit === 0x5c) i++
      else if (unit === 0x22) inString = false
    } else if (unit === 0x22) inString = true
    else if (unit === 0x5b || unit === 0x7b) {
      depth++
      if (depth > limit) return true
    } else if (unit === 0x5d || unit === 0x7d) depth--
  }
  return false
}

export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    // Many clients declare the type of a body they do not send, and not every route needs one.
    if (body === '') {
      done(null, undefined)
      return
    }
    if (nestsDeeperThan(body, jsonDepthMax)) {
      done(
        new MillraceError('invalid_request', `The body nests deeper than ${jsonDepthMax} levels`),
        undefined,
      )
      return
    }
    parse(request, body, done)
  })
}
