import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Screen } from '#cli/show/screen'
import { messageIn, Talk } from '#cli/show/talk'

interface Opened {
  isAsking?: () => boolean
  send?: (text: string) => Promise<void>
}

function open({ isAsking = () => false, send = () => Promise.resolve() }: Opened = {}) {
  const input = Object.assign(new PassThrough(), { isTTY: true })
  const stdout = Object.assign(new PassThrough(), { isTTY: true })
  const stderr = new PassThrough()
  const said: string[] = []
  const talk = new Talk({
    screen: new Screen({ stdout, stderr }),
    input,
    isAsking,
    send: async (text, mode) => {
      await send(text)
      said.push(`${mode}: ${text}`)
    },
    finish: async () => void said.push('finish'),
  })
  talk.open()
  const type = async (text: string) => {
    input.write(text)
    for (let turns = 0; turns < 5; turns += 1) await new Promise((done) => setImmediate(done))
  }
  const shown = (stream: PassThrough) => String(stream.read() ?? '').replace(/\u001b\[\d+m/g, '')
  return { talk, input, type, said, screen: () => shown(stdout), remarks: () => shown(stderr) }
}

describe('a conversation on the command line', () => {
  it('the beginning of a line says when its message is read', () => {
    expect(messageIn('  and then this ')).toEqual({ text: 'and then this', mode: 'queue' })
    expect(messageIn('> mind the gap')).toEqual({ text: 'mind the gap', mode: 'steer' })
    expect(messageIn('!stop')).toEqual({ text: 'stop', mode: 'interrupt' })
  })

  it('lines are sent in order, however they arrive, and the end of the input finishes the session', async () => {
    const { input, type, said } = open()
    await type('fir')
    await type('st\n!second\n\n')
    input.end('last')
    await new Promise((done) => input.once('end', done))
    await new Promise((done) => setTimeout(done, 10))
    expect(said).toEqual(['queue: first', 'interrupt: second', 'queue: last', 'finish'])
  })

  it('a line that answers a question is no message', async () => {
    let asking = true
    const { type, said } = open({ isAsking: () => asking })
    await type('y\n')
    asking = false
    await type('thanks\n')
    expect(said).toEqual(['queue: thanks'])
  })

  it('the prompt is shown while the agent waits, and only then', async () => {
    const { talk, type, screen } = open()
    await talk.prompt()
    expect(screen()).toBe('')
    await talk.idle()
    await talk.prompt()
    expect(screen()).toBe('> ')
    await type('hello\n')
    await talk.prompt()
    expect(screen()).toBe('')
  })

  it('a message that is refused is reported, and the next one is sent', async () => {
    const send = (text: string) =>
      text === 'bad' ? Promise.reject(new Error('too many wait')) : Promise.resolve()
    const { type, said, remarks } = open({ send })
    await type('bad\ngood\n')
    expect(said).toEqual(['queue: good'])
    expect(remarks()).toContain('not sent: too many wait')
  })
})
