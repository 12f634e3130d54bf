/**
 * What subscribers are told: a change of a record, or something that was published.
 *
 * One object for all who get it; each text is made once, when it is first wanted.
 */
import { type Fields, parseFields, pick } from './fields.ts'

export type RecordAction = 'create' | 'update' | 'delete'

export interface Message {
  /** A later message of the same key says all that this one does; null: this one stands for itself. */
  readonly key: string | null
  /** About what it costs to keep, in bytes. */
  readonly cost: number
  /** With the fields that are wanted; empty: all. */
  json(fields: string): string
  /** This message as it is to be sent instead of an earlier one, of the same key, that was not. */
  after(earlier: Message): Message
}

const whole = ''
/** How many selections of fields a message remembers: clients choose them. */
const rememberedTexts = 16

/** Invariant: what it remembers of selections is no more than the whole is. */
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
    else if (this.#texts.size >= rememberedTexts || text.length > this.#room) return text
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

  /** Who has not been told yet that a record came to be is told so with its newest state. */
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
