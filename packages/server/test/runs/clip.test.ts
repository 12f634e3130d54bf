import { Buffer } from 'node:buffer'
import type { Json } from '@millrace/protocol'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { toEventJson } from '#runs/clip'

afterEach(() => vi.restoreAllMocks())

type Steps = (string | number)[]

/** Reads a path of `truncated` back into the steps it stands for. */
function stepsOf(path: string): Steps {
  const steps: Steps = []
  const step = /\.?([A-Za-z_$][\w$]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y
  while (step.lastIndex < path.length) {
    const from = step.lastIndex
    const found = step.exec(path)
    if (found === null) throw new Error(`not a path: ${path.slice(from)}`)
    const [, name, index, quoted] = found
    if (name !== undefined) steps.push(name)
    else if (index !== undefined) steps.push(Number(index))
    else steps.push(JSON.parse(quoted ?? ''))
  }
  return steps
}

/** Entries that a runner listed need not be paths of ours. */
function asSteps(path: string): string {
  try {
    return String(stepsOf(path))
  } catch {
    return path
  }
}

function differences(before: unknown, after: unknown, steps: Steps = []): Steps[] {
  if (before === null || after === null || typeof before !== 'object' || typeof after !== 'object') {
    return Object.is(before, after) ? [] : [steps]
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) =>
    differences((before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key], [
      ...steps,
      Array.isArray(before) ? Number(key) : key,
    ]),
  )
}

/** Asserts everything that holds for every event, and returns the clipped one. */
function clipped(data: Json, maxBytes: number): Json {
  const whole = JSON.stringify(data)
  const json = toEventJson(data, maxBytes)
  expect(Buffer.byteLength(json)).toBeLessThanOrEqual(maxBytes)
  expect(json).not.toMatch(/[\n\r]/)
  const result = JSON.parse(json)
  if (Buffer.byteLength(whole) <= maxBytes) {
    expect(json).toBe(whole)
    return result
  }
  const paths: string[] = result.truncated
  if (json.startsWith('{"truncated":[""],"reason":"the event was larger')) return result
  const before = JSON.parse(whole)
  const holder =
    before !== null && typeof before === 'object' && !Array.isArray(before) ? before : { value: before }
  const known: unknown = holder.truncated
  const kept = Array.isArray(known) && known.every((path) => typeof path === 'string') ? known : []
  const changed = differences({ ...holder, truncated: null }, { ...result, truncated: null }).map(String)
  const displaced = known !== undefined && known !== kept ? ['truncated'] : []
  const listed = paths.filter((path) => !kept.includes(path)).map((path) => String(stepsOf(path)))
  // Every change is listed, and every listed path was changed now or listed by the runner before.
  const listable = new Set([...changed, ...displaced])
  expect(listed.filter((path) => !listable.has(path))).toEqual([])
  const all = new Set([...listed, ...kept.map(asSteps)])
  expect([...listable].filter((path) => !all.has(path))).toEqual([])
  return result
}

const text = fc.oneof(
  fc.string({ maxLength: 400 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.nat({ max: 900 }).map((n) => '😀'.repeat(n)),
  fc.nat({ max: 900 }).map((n) => '\u0001"\\'.repeat(n)),
  fc.nat({ max: 900 }).map((n) => '\ud800'.repeat(n)),
)
const anyData: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom('line', 'truncated', '__proto__', 'a b', '0'), text),
      tie('value'),
      {
        maxKeys: 6,
        noNullPrototype: true,
      },
    ),
  ),
})).value

describe('an event', () => {
  it('any event becomes one line of JSON within the bound, and lists exactly what was cut', () => {
    const runs = process.env.MILLRACE_TEST_FULL ? 20_000 : 500
    fc.assert(
      fc.property(anyData, fc.integer({ min: 128, max: 3000 }), (data, maxBytes) => {
        clipped(data, maxBytes)
      }),
      { numRuns: runs },
    )
  })

  it('an event that fits is unchanged, to the byte', () => {
    const data = { line: 'é'.repeat(100) }
    const size = Buffer.byteLength(JSON.stringify(data))
    expect(toEventJson(data, size)).toBe(JSON.stringify(data))
    expect(JSON.parse(toEventJson(data, size - 1)).truncated).toEqual(['line'])
  })

  it('an event without data is null', () => {
    expect(toEventJson(undefined, 1024)).toBe('null')
  })

  it.each([[() => 1], [Symbol('s')]])('an event that JSON cannot hold is refused: %s', (data) => {
    expect(() => toEventJson(data, 1024)).toThrow(TypeError)
  })

  it('an event loses no more of a long string than it must, whatever the string is made of', () => {
    for (const unit of ['x', 'é', '漢', '😀', '\n', '\u0001', '"', '\\', '\ud800']) {
      const line = unit.repeat(20_000)
      const result = clipped({ line, stream: 'stdout' }, 4096) as { line: string }
      expect(line.startsWith(result.line)).toBe(true)
      const used = Buffer.byteLength(JSON.stringify(result))
      expect(4096 - used).toBeLessThan(Buffer.byteLength(JSON.stringify(unit)))
    }
  })

  it('no cut goes through a code point', () => {
    for (let lead = 0; lead < 8; lead++) {
      const { line } = clipped({ line: 'x'.repeat(lead) + '😀'.repeat(2000) }, 1024) as { line: string }
      expect(line).toMatch(/^x*(😀)*$/u)
    }
  })

  it('a replacement character that was there before is kept', () => {
    const { line } = clipped({ line: '\ufffd'.repeat(1000) }, 1024) as { line: string }
    expect(line.length * 3).toBeGreaterThan(
      1024 - 3 - JSON.stringify({ line: '', truncated: ['line'] }).length,
    )
  })

  it('a large event loses the ends of its longest strings and keeps its short ones', () => {
    const data = {
      id: 'toolu_1',
      content: [{ text: 'a'.repeat(5000) }, { text: 'b'.repeat(3000) }, { text: 'c' }],
    }
    const result = clipped(data, 2048) as typeof data & { truncated: string[] }
    expect(result.id).toBe('toolu_1')
    expect(result.content[2]).toEqual({ text: 'c' })
    expect(result.truncated).toEqual(['content[0].text', 'content[1].text'])
    expect(result.content[0]?.text.length).toBe(result.content[1]?.text.length)
  })

  it('paths that the runner listed as cut stay listed beside ours', () => {
    const result = clipped({ line: 'x'.repeat(5000), truncated: ['line', 'other'] }, 1024)
    expect(result).toMatchObject({ truncated: ['line', 'other'] })
    const more = clipped({ a: 'x'.repeat(5000), truncated: ['line'] }, 1024)
    expect(more).toMatchObject({ truncated: ['line', 'a'] })
  })

  it('another use of `truncated` is displaced, and listed as such', () => {
    expect(clipped({ line: 'x'.repeat(5000), truncated: true }, 1024)).toMatchObject({
      truncated: ['truncated', 'line'],
    })
  })

  it('data that is not an object is wrapped in one', () => {
    expect(clipped('x'.repeat(5000), 1024)).toMatchObject({ truncated: ['value'] })
    expect(clipped(['short', 'x'.repeat(5000)], 1024)).toMatchObject({ truncated: ['value[1]'] })
  })

  it('the path of any key is unambiguous', () => {
    const data = { a: { b: 'x'.repeat(3000) }, 'a.b': 'y'.repeat(3000), 'c"d': { '0': 'z'.repeat(3000) } }
    expect((clipped(data, 1024) as { truncated: string[] }).truncated.sort()).toEqual([
      '["a.b"]',
      '["c\\"d"]["0"]',
      'a.b',
    ])
  })
})

describe('an event that is too large without a long string', () => {
  it('small members stay when a large one must be left out', () => {
    const data = { type: 'user', session: 's', content: Array.from({ length: 100_000 }, (_, index) => index) }
    expect(clipped(data, 4096)).toEqual({
      type: 'user',
      session: 's',
      content: null,
      truncated: ['content'],
    })
  })

  it('an event of which nothing can stay is left out whole, and says so', () => {
    const huge = { ['k'.repeat(10_000)]: 1 }
    expect(clipped(huge, 1024)).toEqual({
      truncated: [''],
      reason: 'the event was larger than 1024 bytes',
    })
  })

  it('an event of a hundred thousand short strings is cut', () => {
    const data = { lines: Array.from({ length: 100_000 }, (_, index) => `a line of text, ${index}`) }
    expect(clipped(data, 65_536)).toEqual({ lines: null, truncated: ['lines'] })
  })

  it('a deeply nested event is cut', () => {
    let data: Json = 'x'.repeat(3000)
    for (let depth = 0; depth < 1000; depth++) data = depth % 2 === 0 ? [data] : { in: data }
    clipped({ data }, 2048)
    clipped({ data }, 16_384)
  })
})

describe('the cost of cutting', () => {
  const measured = (data: Json, maxBytes: number) => {
    const stringify = vi.spyOn(JSON, 'stringify')
    const byteLength = vi.spyOn(Buffer, 'byteLength')
    const json = toEventJson(data, maxBytes)
    const calls = stringify.mock.calls.length + byteLength.mock.calls.length
    const whole = stringify.mock.calls.filter(([value]) => typeof value === 'object').length
    vi.restoreAllMocks()
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(maxBytes)
    return { calls, whole }
  }

  it('cutting a 10 MB string takes a handful of passes', () => {
    const { calls, whole } = measured({ line: '\u001b[31mred '.repeat(1_000_000) }, 1_048_576)
    expect(whole).toBeLessThanOrEqual(4)
    expect(calls).toBeLessThanOrEqual(16)
  })

  it('the cost of cutting grows with the number of strings, not with its square', () => {
    const of = (count: number) => ({ all: Array.from({ length: count }, () => 'x'.repeat(400)) })
    const few = measured(of(1000), 200_000)
    const many = measured(of(8000), 1_600_000)
    expect(many.whole).toBe(few.whole)
    expect(many.calls).toBeLessThanOrEqual(few.calls * 8 + 16)
  })
})

it('what a text has beyond the bound of an event changes nothing of what is kept of the event', () => {
  const other = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.array(fc.string({ maxLength: 40 }), { maxLength: 5 }),
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 128, max: 400 }),
      fc.string({ minLength: 1, maxLength: 5 }),
      other,
      other,
      (maxBytes, unit, a, b) => {
        const long = unit.repeat(5 * maxBytes).slice(0, 5 * maxBytes)
        const barely = long.slice(0, maxBytes + 1)
        for (const place of [(text: string) => ({ a, text, b }), (text: string) => [a, { b, text }]]) {
          expect(toEventJson(place(long), maxBytes)).toBe(toEventJson(place(barely), maxBytes))
        }
      },
    ),
  )
})
