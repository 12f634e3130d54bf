/** What engines make of a message that brings files along. */
import type { AttachmentBody } from '@millrace/protocol'
import { describe, expect, it } from 'vitest'
import { promptOf } from '#agents/acp/conversation'
import { saidBy } from '#agents/ai-sdk/said'
import { estimateTokens } from '#agents/spending/price'

const text: AttachmentBody = {
  name: 'ü.txt',
  mediaType: 'text/plain',
  data: Buffer.from('Hä').toString('base64'),
}
const image: AttachmentBody = { name: 'a.png', mediaType: 'image/png', data: 'AAAA' }
const pdf: AttachmentBody = { name: 'a.pdf', mediaType: 'application/pdf', data: 'BBBB' }
const said = { text: 'Look', attachments: [text, image, pdf] }
const words = { type: 'text', text: 'Look' }

describe('a message with attachments', () => {
  it('an agent that takes images and embedded content is given all of it', () => {
    expect(promptOf(said, new Set(['image', 'embeddedContext']))).toEqual({
      prompt: [
        words,
        {
          type: 'resource',
          resource: { uri: 'attachment:///%C3%BC.txt', mimeType: 'text/plain', text: 'Hä' },
        },
        { type: 'image', mimeType: 'image/png', data: 'AAAA' },
        {
          type: 'resource',
          resource: { uri: 'attachment:///a.pdf', mimeType: 'application/pdf', blob: 'BBBB' },
        },
      ],
      leftOut: [],
    })
  })

  it('an agent that takes only text is given the texts, and reads what is left out', () => {
    const { prompt, leftOut } = promptOf(said, new Set())
    expect(prompt).toEqual([
      words,
      { type: 'text', text: 'The file "ü.txt":\n\nHä' },
      { type: 'text', text: '(The file "a.png" is left out: you take no image/png.)' },
      { type: 'text', text: '(The file "a.pdf" is left out: you take no application/pdf.)' },
    ])
    expect(leftOut).toEqual([image, pdf])
  })

  it('a model of an execution is given texts as text and the rest as files, and a plain message as before', () => {
    expect(saidBy({ text: 'Look' })).toEqual({ role: 'user', content: 'Look' })
    expect(saidBy(said).content).toEqual([
      words,
      { type: 'text', text: 'The file "ü.txt":\n\nHä' },
      { type: 'file', mediaType: 'image/png', filename: 'a.png', data: 'AAAA' },
      { type: 'file', mediaType: 'application/pdf', filename: 'a.pdf', data: 'BBBB' },
    ])
  })

  it('an image counts as tokens by what providers count, not by its bytes', () => {
    const of = (data: string) => estimateTokens([saidBy({ text: 'Look', attachments: [{ ...image, data }] })])
    expect(of('A'.repeat(4_000_000))).toBe(of('A'))
    expect(of('A')).toBeGreaterThan(5000)
  })
})
