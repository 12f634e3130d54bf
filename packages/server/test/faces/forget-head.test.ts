import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { forgetHead } from '#http/forget-head'

/** A server that begins a stream and forgets its head; the test does the rest. */
async function rig(then: (response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/event-stream')
    response.setHeader('X-Long', 'x'.repeat(1000))
    forgetHead(request, response)
    expect(request.headers.host).toBe('here')
    expect(response.getHeader('x-long')).toHaveLength(1000)
    response.flushHeaders()
    forgetHead(request, response)
    expect(request.headers).toEqual({})
    expect(request.rawHeaders).toEqual([])
    expect(response.getHeaders()).toEqual({})
    expect(response.headersSent).toBe(true)
    then(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1')
  onTestFinished(async () => {
    socket.destroy()
    server.close()
    await once(server, 'close')
  })
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  const request = () => socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
  const answers = () => received.split('0\r\n\r\n').length - 1
  return { request, received: () => received, answers }
}

it('a stream whose head is forgotten has sent it, ends as any other, and leaves its connection to the next', async () => {
  const { request, received, answers } = await rig((response) => {
    response.write('data: 1\n\n')
    setImmediate(() => response.end('data: 2\n\n'))
  })
  for (const count of [1, 2]) {
    request()
    await expect.poll(answers).toBe(count)
  }
  expect(received().match(/^HTTP\/1\.1 200 OK\r$/gm)).toHaveLength(2)
  expect(received().match(/X-Long: x{1000}\r\n/g)).toHaveLength(2)
  expect(received().match(/data: [12]\n\n/g)).toHaveLength(4)
})
