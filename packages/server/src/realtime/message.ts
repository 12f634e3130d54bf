/**
 * What subscribers receive: a change of a record, or published data.
 *
 * One object for all recipients; each text is made once, when it is first needed.
 */
import { type Fields, parseFields, pick } from './fields.ts'

export type RecordAction = 'create' | 'update' | 'delete'

export interface Message {
  /** A later message with the same key makes this one superfluous; null: none does. */
  readonly key: string | null
  /** Roughly how many bytes it takes to keep. */
  readonly cost: number
  /** Returns the data with the selected fields; empty: all. */
  json(fields: string): string
  /** Returns what to send in place of an earlier message with the same key that was not sent. */
  after(earlier: Message): Message
}

const whole = ''
/** How many selections of fields a message remembers: clients choose them. */
const textsMax = 16

/** Invariant: the remembered selections together are no longer than the whole. */
class Texts {
  readonly #texts = new Map<string, string>()
  readonly #make: (fields: Fields | null) => string
  /** Characters that selections may still take. */
  #room = 0

  constructor(make: (fields: Fields | null) => string) {
    this.#make = make
  }

  of(fields: string): string {
    const known = this.#texts.get(fields)
    if (known !== undefined) return known
    const text = this.#make(parseFields(fields))
    if (fields === whole) this.#room += text.length
    else if (this.#texts.size >= textsMax || text.length > this.#room) return text
    else this.#room -= text.length
    this.#texts.set(fields, text)
    return text
  }
}

export class RecordChange implements Message {
  readonly key: string
  readonly action: RecordAction
  readonly #record: { id: string }
  readonly #texts: Texts

  constructor(action: RecordAction, collection: 'runs' | 'projects', record: { id: string }) {
    this.action = action
    this.key = `${collection}/${record.id}`
    this.#record = record
    this.#texts = new Texts((fields) => JSON.stringify({ action, record: pick(record, fields) }))
  }

  get cost(): number {
    return this.json(whole).length
  }

  json(fields: string): string {
    return this.#texts.of(fields)
  }

  /** A client that was not sent the creation yet receives it with the newest state. */
  after(earlier: Message): Message {
    const created = earlier instanceof RecordChange && earlier.action === 'create'
    if (!created || this.action !== 'update') return this
    return new RecordChange('create', this.key.startsWith('runs/') ? 'runs' : 'projects', this.#record)
  }
}

export class Published implements Message {
  readonly key = null
  readonly #texts: Texts

  /** Throws what `JSON.stringify` throws. */
  constructor(data: unknown) {
    const json = JSON.stringify(data) ?? 'null'
    this.#texts = new Texts((fields) =>
      fields === null ? json : JSON.stringify(pick(JSON.parse(json), fields)),
    )
    this.#texts.of(whole)
  }

  get cost(): number {
    return this.#texts.of(whole).length
  }

  json(fields: string): string {
    return this.#texts.of(fields)
  }

  after(): Message {
    return this
  }
}
