/**
 * The statements of one transaction. A statement whose answer is not needed is posted: it is sent at once and its answer is
 * awaited at the end, so that most of a batch costs no round trip. Postgres takes statements in the order they were sent:
 * one that asks sees what was posted before it.
 *
 * Invariant: when a statement fails, that is the error that every later call throws.
 */
import type { Client, Statement } from '#store/postgres/connection'

export class Transaction {
  readonly #client: Client
  readonly #posted: Promise<unknown>[] = []
  #failure: unknown = null

  constructor(client: Client) {
    this.#client = client
  }

  async ask<Row>({ name, text }: Statement, values: unknown[] = []): Promise<Row[]> {
    try {
      const { rows } = await this.#client.query({ name, text, values })
      return rows as Row[]
    } catch (error) {
      throw this.#first(error)
    }
  }

  post({ name, text }: Statement, values: unknown[] = []): void {
    this.#posted.push(this.#client.query({ name, text, values }).catch((error) => void this.#first(error)))
  }

  /** Begins; answers false when the node may not write this flush (`writing.ts`). */
  async begin(node: number, flush: number): Promise<boolean> {
    try {
      // Several statements in one message take no parameters; both values are whole numbers.
      const results: unknown = await this.#client.query(
        `BEGIN; UPDATE nodes SET last_flush = ${flush} WHERE n = ${node} AND NOT dead AND last_flush < ${flush}`,
      )
      const [, update] = results as { rowCount: number | null }[]
      return update?.rowCount === 1
    } catch (error) {
      throw this.#first(error)
    }
  }

  /** Resolves when everything posted took effect and is durable. */
  async commit(): Promise<void> {
    const committed = this.#client.query('COMMIT').catch((error) => void this.#first(error))
    await Promise.all([...this.#posted, committed])
    if (this.#failure !== null) throw this.#failure
  }

  async rollBack(): Promise<void> {
    await Promise.all(this.#posted)
    await this.#client.query('ROLLBACK').catch(() => {})
  }

  /** After the first failure every statement fails because of it. */
  #first(error: unknown): unknown {
    this.#failure ??= error
    return this.#failure
  }
}
