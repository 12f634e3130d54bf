/** A client that comes back with the last id it saw, until the server says that there is no more. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, framesOf, idOf } from '@millrace/test-support/sse'

export interface ResumingClient {
  /** Whole frames, from all its connections one after the other. */
  frames: string[]
  /** How often it was connected. */
  connections: () => number
  /** Settles with the 204. Rejects when the server answers with anything but a stream or that. */
  over: Promise<void>
  stop: () => void
}

/** `url` may name another server each time. */
export function followThrough(url: string | (() => string), token: string): ResumingClient {
  const frames: string[] = []
  let connections = 0
  let stopped = false
  let hangUp = () => {}
  const live = async () => {
    while (!stopped) {
      const lastId = idOf(frames.findLast((frame) => idOf(frame) !== undefined) ?? '')
      const headers = { Authorization: `Bearer ${token}`, ...(lastId && { 'Last-Event-ID': lastId }) }
      const connection = await connect(typeof url === 'string' ? url : url(), headers).catch(() => null)
      if (connection === null) {
        await sleep(20)
        continue
      }
      hangUp = connection.close
      const status = connection.response.statusCode
      if (stopped || status !== 200) connection.close()
      if (status === 204) return
      if (status !== 200) throw new Error(`a stream was answered with ${status}`)
      connections += 1
      await connection.over
      frames.push(...framesOf(connection.bytes()))
    }
  }
  const over = live()
  over.catch(() => {})
  return {
    frames,
    connections: () => connections,
    over,
    stop: () => {
      stopped = true
      hangUp()
    },
  }
}
