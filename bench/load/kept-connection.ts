/**
 * One connection that is kept, for one request after the other: a raw socket that builds and reads no more of HTTP
 * than it must, so that the load client is not what is measured.
 */
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  status: number
  body: string
}

export class KeptConnection {
  private readonly socket: Socket
  private readonly head: string
  private received = ''
  private waiting: { resolve(answer: RawAnswer): void; reject(error: Error): void } | null = null

  constructor(port: number, token: string) {
    this.head = ` HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: `
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (chunk: string) => this.take(chunk))
    this.socket.on('error', (error) => this.waiting?.reject(error))
    this.socket.on('close', () => this.waiting?.reject(new Error('the server closed the connection')))
  }

  /** Sends JSON, all of it ASCII; one request at a time. */
  post(path: string, json: string): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.write(`POST ${path}${this.head}${json.length}\r\n\r\n${json}`, 'latin1')
    })
  }

  close(): void {
    this.waiting = null
    this.socket.destroy()
  }

  private take(chunk: string): void {
    this.received += chunk
    const end = this.received.indexOf('\r\n\r\n')
    if (end === -1) return
    const status = Number(this.received.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3))
    const [, named] = /\r\ncontent-length: (\d+)/i.exec(this.received.slice(0, end + 2)) ?? []
    const length = status === 204 ? 0 : named
    if (length === undefined) {
      this.waiting?.reject(new Error(`an answer without a length: ${this.received.slice(0, end)}`))
      return
    }
    const body = this.received.slice(end + 4)
    if (body.length < Number(length)) return
    this.received = ''
    this.waiting?.resolve({ status, body })
  }
}
