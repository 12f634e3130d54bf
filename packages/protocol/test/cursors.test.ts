import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LogBounds, type ParsedCursor, parseCursor, resolveResume } from '#index'

/** Bounds a log can have: 1 ≤ firstSeq ≤ head + 1, and a closed log has at least its terminal event. */
const anyBounds: fc.Arbitrary<LogBounds> = fc
  .record({ head: fc.nat({ max: 12 }), kept: fc.nat({ max: 12 }), closed: fc.boolean() })
  .map(({ head, kept, closed }) => ({
    head,
    firstSeq: head - Math.min(kept, head) + 1,
    closed: closed && head > 0,
    epoch: 'now',
  }))

describe('parseCursor', () => {
  it('every safe integer in decimal is read back as a cursor', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (after) => {
        expect(parseCursor(String(after))).toEqual({ kind: 'at', after })
      }),
    )
    expect(parseCursor(String(Number.MAX_SAFE_INTEGER))).toEqual({
      kind: 'at',
      after: Number.MAX_SAFE_INTEGER,
    })
  })

  it('nothing and the empty string mean "no cursor"', () => {
    for (const text of [undefined, null, '']) expect(parseCursor(text)).toEqual({ kind: 'none' })
  })

  it.each([
    '-1',
    '+1',
    '01',
    '1.0',
    '1e3',
    ' 1',
    '1 ',
    '1\n',
    '0x10',
    'NaN',
    'Infinity',
    '٣',
    '1,2',
    '9007199254740992',
    '99999999999999999999999',
  ])('the cursor %j is malformed', (text) => {
    expect(parseCursor(text)).toEqual({ kind: 'invalid' })
  })

  it('only the exact decimal form of a position is a cursor', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.double().map(String)), (text) => {
        const parsed = parseCursor(text)
        if (parsed.kind === 'at') expect(String(parsed.after)).toBe(text)
        else expect(parsed.kind).toBe(text === '' ? 'none' : 'invalid')
      }),
    )
  })
})

describe('resolveResume', () => {
  const at = (after: number): ParsedCursor => ({ kind: 'at', after })
  const pruned: LogBounds = { firstSeq: 5, head: 9, closed: false, epoch: 'now' }

  it('a cursor inside the kept log is served from exactly there', () => {
    expect(resolveResume(at(4), undefined, pruned)).toEqual({ kind: 'read', after: 4 })
    expect(resolveResume(at(7), undefined, pruned)).toEqual({ kind: 'read', after: 7 })
    expect(resolveResume(at(9), undefined, pruned)).toEqual({ kind: 'read', after: 9 })
  })

  it('a cursor whose next event is pruned is reset to the first kept one', () => {
    expect(resolveResume(at(3), undefined, pruned)).toEqual({ kind: 'reset', reason: 'pruned', after: 4 })
    expect(resolveResume(at(0), undefined, pruned)).toEqual({ kind: 'reset', reason: 'pruned', after: 4 })
  })

  it('a follower without a cursor gets a reset if the beginning of the log is pruned', () => {
    expect(resolveResume({ kind: 'none' }, undefined, pruned)).toEqual({
      kind: 'reset',
      reason: 'pruned',
      after: 4,
    })
    expect(resolveResume({ kind: 'none' }, undefined, { ...pruned, firstSeq: 1 })).toEqual({
      kind: 'read',
      after: 0,
    })
  })

  it('a cursor ahead of the log is reset, even if the log is closed', () => {
    for (const closed of [false, true]) {
      expect(resolveResume(at(10), undefined, { ...pruned, closed })).toEqual({
        kind: 'reset',
        reason: 'ahead',
        after: 4,
      })
    }
  })

  it('a cursor at the head of a closed log has everything, even if all of the log is pruned', () => {
    expect(resolveResume(at(9), undefined, { ...pruned, closed: true })).toEqual({ kind: 'over' })
    expect(resolveResume(at(9), 'now', { ...pruned, firstSeq: 10, closed: true })).toEqual({ kind: 'over' })
  })

  it('a cursor of another epoch is reset, whatever its number', () => {
    for (const after of [0, 3, 9, 100]) {
      expect(resolveResume(at(after), 'before', { ...pruned, closed: true })).toEqual({
        kind: 'reset',
        reason: 'epoch',
        after: 4,
      })
    }
  })

  it('another epoch without a cursor is reset too, and an empty epoch counts as none', () => {
    const whole = { ...pruned, firstSeq: 1 }
    expect(resolveResume({ kind: 'none' }, 'before', whole)).toEqual({
      kind: 'reset',
      reason: 'epoch',
      after: 0,
    })
    expect(resolveResume({ kind: 'none' }, 'now', whole)).toEqual({ kind: 'read', after: 0 })
    expect(resolveResume(at(3), '', whole)).toEqual({ kind: 'read', after: 3 })
  })

  it('every follower gets exactly the kept events after its cursor, or a reset that says why not', () => {
    const anyCursor: fc.Arbitrary<ParsedCursor> = fc.oneof(
      fc.constant<ParsedCursor>({ kind: 'none' }),
      fc.constant<ParsedCursor>({ kind: 'invalid' }),
      fc.nat({ max: 15 }).map(at),
    )
    const anyEpoch = fc.constantFrom(undefined, '', 'now', 'before')
    fc.assert(
      fc.property(anyCursor, anyEpoch, anyBounds, (cursor, epoch, bounds) => {
        const resume = resolveResume(cursor, epoch, bounds)
        const given = cursor.kind === 'at' ? cursor.after : 0
        const otherEpoch = epoch === 'before'
        const reasons = {
          invalid: cursor.kind === 'invalid',
          epoch: otherEpoch,
          ahead: given > bounds.head,
          pruned: given < bounds.firstSeq - 1,
        }
        const over = cursor.kind === 'at' && !otherEpoch && bounds.closed && given === bounds.head
        const [reason] = Object.entries(reasons).find(([, applies]) => applies) ?? []
        const expected =
          reason !== undefined
            ? { kind: 'reset', reason, after: bounds.firstSeq - 1 }
            : over
              ? { kind: 'over' }
              : { kind: 'read', after: given }
        expect(resume).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })
})
