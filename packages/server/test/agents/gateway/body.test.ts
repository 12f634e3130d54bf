import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageBody } from '#agents/gateway/body'
import { BodyProblem } from '#agents/gateway/json-object'

const asked = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'Go' }] }

function read(text: string | Buffer, pieceBytes = 1_000_000) {
  const body = new MessageBody()
  const bytes = Buffer.from(text as string)
  for (let at = 0; at < bytes.length; at += pieceBytes) body.take(bytes.subarray(at, at + pieceBytes))
  return { body, asked: body.end() }
}

describe('the body of a request for a message', () => {
  it('keeps every byte but those of max_tokens, in whatever pieces and form it arrives', () => {
    const other = fc.dictionary(
      fc.string({ unit: 'binary' }).filter((name) => !['model', 'max_tokens', 'tools'].includes(name)),
      fc.jsonValue(),
      { maxKeys: 5 },
    )
    fc.assert(
      fc.property(other, fc.nat(9), fc.integer({ min: 1, max: 50 }), fc.nat(4), (more, at, piece, space) => {
        const { speed: _speed, inference_geo: _geo, thinking: _thinking, ...rest } = more
        const entries: [string, unknown][] = Object.entries(rest)
        entries.splice(at % (entries.length + 1), 0, ['max_tokens', 100], ['model', 'm'])
        const members = entries.map(([name, value]) =>
          [JSON.stringify(name), JSON.stringify(value, null, space)].join(space > 2 ? ' : ' : ':'),
        )
        const form = (text: string) => `\n{ ${text} }\t`
        const { body, asked: found } = read(form(members.join(',')), piece)
        expect(found).toMatchObject({ model: 'm', maxTokens: 100, serverToolUses: 0 })
        const expected = form(members.join(',').replace(/"max_tokens"( ?): ?100/, '"max_tokens"$1:7'))
        expect(body.withMaxTokens(7).toString()).toBe(expected)
        const wanted = JSON.stringify({ ...Object.fromEntries(entries), max_tokens: 7 })
        expect(JSON.parse(body.withMaxTokens(7).toString())).toEqual(JSON.parse(wanted))
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['a text', '"{}"'],
    ['an object that does not end', '{"model":"m","max_tokens":1'],
    ['something after the object', '{"model":"m","max_tokens":1}{}'],
    ['the same member twice', '{"model":"m","max_tokens":1,"max_tokens":9}'],
    ['the same member twice, once in escapes', '{"model":"m","max_tokens":1,"max\\u005ftokens":9}'],
    ['UTF-16', Buffer.from(JSON.stringify(asked), 'utf16le')],
    ['a byte order mark', `\ufeff${JSON.stringify(asked)}`],
    ['a comma that is missing', '{"a":"b" "max_tokens":5,"model":"m","max_tokens":1}'],
    ['a comment', '{"model":"m"/*,*/,"max_tokens":1}'],
    ['texts in single quotes', "{'model':'m','max_tokens':1}"],
    ['a line break within a text', '{"model":"m","x":"\n","max_tokens":1}'],
    ['no model', '{"max_tokens":1}'],
    ['no max_tokens', '{"model":"m"}'],
    ['max_tokens as a text', '{"model":"m","max_tokens":"1"}'],
    ['max_tokens below 0', '{"model":"m","max_tokens":-1}'],
    ['max_tokens that is no whole number', '{"model":"m","max_tokens":1.5}'],
    ['max_tokens without a bound', '{"model":"m","max_tokens":1e400}'],
    [
      'very many members',
      `{${Array.from({ length: 300 }, (_, i) => `"a${i}":1`).join(',')},"model":"m","max_tokens":1}`,
    ],
    ['very deep nesting', `{"model":"m","max_tokens":1,"messages":${'['.repeat(600)}${']'.repeat(600)}}`],
    ['tools that are far too long', `{"model":"m","max_tokens":1,"tools":["${'x'.repeat(3 * 1024 ** 2)}"]}`],
    ['a speed that costs more', '{"model":"m","max_tokens":1,"speed":"fast"}'],
    ['a place that costs more', '{"model":"m","max_tokens":1,"inference_geo":"us"}'],
    ['a service tier that costs more', '{"model":"m","max_tokens":1,"service_tier":"priority"}'],
    ['a service tier that is a list', '{"model":"m","max_tokens":1,"service_tier":["auto"]}'],
    [
      'an advisor, whose tokens are those of another model',
      '{"model":"m","max_tokens":1,"tools":[{"type":"advisor_20260301","name":"advisor","model":"big"}]}',
    ],
    [
      'a compaction by the API, which is an answer of its own',
      '{"model":"m","max_tokens":1,"context_management":{"edits":[{"type":"compact_20260112"}]}}',
    ],
    ['fallbacks that are not names', '{"model":"m","max_tokens":1,"fallbacks":[{"name":"x"}]}'],
    ['fallbacks that are a number', '{"model":"m","max_tokens":1,"fallbacks":1}'],
  ])('with %s is refused', (_what, text) => {
    expect(() => read(text)).toThrow(BodyProblem)
    expect(() => read(text, text.length > 10_000 ? 65_536 : 1)).toThrow(BodyProblem)
  })

  it('says what may add to its tokens', () => {
    const tools = [
      { name: 'Read', input_schema: {} },
      { type: 'custom', name: 'Own', input_schema: {} },
      { type: 'web_search_20250305', name: 'web_search', max_uses: 3 },
      { type: 'web_fetch_20250910', name: 'web_fetch' },
      { type: 'web_search_20260209', name: 'more', max_uses: 0.5 },
    ]
    const thinking = { type: 'enabled', budget_tokens: 50 }
    expect(read(JSON.stringify({ ...asked, tools, thinking })).asked).toMatchObject({
      fallbacks: [],
      serverToolUses: 14,
      searches: 4,
      thinkingTokens: 50,
      hasMedia: false,
      mediaCount: 0,
      cachesForAnHour: false,
    })
    const media = [
      '{"type":"image","source":{"type":"url"}}',
      '{"type" : "document"}',
      '{"type":"d\\u006fcument"}',
    ]
    for (const block of media) {
      const text = `{"model":"m","max_tokens":1,"messages":[{"content":[${block}]}]}`
      expect(read(text).asked.hasMedia, block).toBe(true)
      expect(read(text, 3).asked.hasMedia, block).toBe(true)
    }
    const hour = { ...asked, cache_control: { type: 'ephemeral', ttl: '1h' } }
    expect(read(JSON.stringify(hour)).asked.cachesForAnHour).toBe(true)
  })

  it('names the models that may answer in the place of the first', () => {
    const fallbacksOf = (fallbacks: unknown) => read(JSON.stringify({ ...asked, fallbacks })).asked.fallbacks
    expect(fallbacksOf([{ model: 'a' }, { model: 'b', max_tokens: 5 }])).toEqual(['a', 'b'])
    expect(fallbacksOf('default'), 'the API chooses').toEqual([''])
    expect(fallbacksOf(null)).toEqual([])
  })

  it.each([null, 'auto', 'standard_only'])('the service tier %j is the usual one', (tier) => {
    expect(read(JSON.stringify({ ...asked, service_tier: tier })).asked.model).toBe('m')
  })

  it('is counted by what the API counts, and nothing else', () => {
    const { body } = read(JSON.stringify({ ...asked, stream: true, system: 'Be brief', metadata: {} }))
    const { max_tokens: _max, ...counted } = asked
    expect(JSON.parse(body.toCount().toString())).toEqual({ ...counted, system: 'Be brief' })
  })
})
