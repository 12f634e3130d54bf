/** Joins events of one run into few rows: what several operations of a flush append shares a row. */
import { Buffer } from 'node:buffer'
import { type LogText, rowSize } from '#store/batched/operations'

/** `first` and `last` count from 1 within what is joined. */
export interface JoinedRow {
  first: number
  last: number
  jsonBytes: number
  body: string
}

export class JoinedEvents {
  readonly rows: JoinedRow[] = []
  /** Of the bodies of all rows. */
  bytes = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  add(log: readonly LogText[]): void {
    for (const { count, overhead, text } of log) {
      const bytes = Buffer.byteLength(text)
      const jsonBytes = bytes - overhead
      this.bytes += bytes
      const row = this.rows.at(-1)
      if (row === undefined || row.body.length + text.length > rowSize) {
        this.rows.push({ first: this.#count + 1, last: this.#count + count, jsonBytes, body: text })
      } else {
        row.last += count
        row.jsonBytes += jsonBytes
        row.body += text
      }
      this.#count += count
    }
  }
}
