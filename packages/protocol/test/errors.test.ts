import { describe, expect, it } from 'vitest'
import { type ErrorCode, errorTable, MillraceError, toProblem } from '#index'

const codes = Object.keys(errorTable) as ErrorCode[]

describe('the table of errors', () => {
  it.each(codes)('%s has the status of an error, a title, and whether to retry', (code) => {
    const row = errorTable[code]
    expect(row.status).toBeGreaterThanOrEqual(400)
    expect(row.status).toBeLessThan(600)
    expect(row.title).toMatch(/^[A-Z][^.]*$/)
    expect(typeof row.retry).toBe('boolean')
    expect(code).toMatch(/^[a-z_]+$/)
  })

  it('no code tells a client to retry a request that is itself wrong', () => {
    const wrong = codes.filter((code) =>
      [400, 401, 403, 404, 405, 413, 415, 421].includes(errorTable[code].status),
    )
    expect(wrong.filter((code) => errorTable[code].retry)).toEqual([])
  })
})

describe('a problem', () => {
  it.each(codes)('the problem of %s is RFC 9457 with our code, and nothing else', (code) => {
    const problem = toProblem(new MillraceError(code, 'what happened'))
    expect(problem).toEqual({
      type: 'about:blank',
      title: errorTable[code].title,
      status: errorTable[code].status,
      detail: 'what happened',
      code,
      retry: errorTable[code].retry,
    })
  })

  it('a problem names the fields at fault', () => {
    const fields = [{ path: 'spec.tool', expected: 'a known tool' }]
    expect(toProblem(new MillraceError('invalid_request', 'no', { fields })).errors).toEqual(fields)
  })

  it('a problem names the first fields at fault, shortened, and counts the others', () => {
    const fields = Array.from({ length: 75_000 }, (_, index) => ({
      path: `values.${index}${'x'.repeat(1000)}`,
      expected: 'absent'.repeat(1000),
    }))
    const { errors = [] } = toProblem(new MillraceError('invalid_request', 'no', { fields }))
    expect(errors).toHaveLength(21)
    expect(errors[0]?.path).toMatch(/^values\.0x{190,}…$/)
    expect(errors.at(-1)).toEqual({ path: '…', expected: '74980 more are at fault' })
    expect(JSON.stringify(errors).length).toBeLessThan(30_000)
    // Some faces name the fields in their own words, and refuse again.
    expect(new MillraceError('invalid_request', 'no', { fields: errors }).fields).toEqual(errors)
  })

  it('a problem reveals neither the cause nor the stack', () => {
    const error = new MillraceError('internal', 'no', { cause: new Error('password=hunter2') })
    expect(JSON.stringify(toProblem(error))).not.toMatch(/hunter2|at /)
  })

  it('a problem has the status of its error', () => {
    const error = new MillraceError('draining', 'no', { retryAfter: 2 })
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.status, error.retryAfter, error.cause]).toEqual([
      'MillraceError',
      503,
      2,
      undefined,
    ])
  })
})
