/**
 * The tool calls of an agent, as its updates describe them: a call is announced, and described further while it runs.
 *
 * Invariants: open calls are bounded in number and size; a forgotten one is known by what is said of it next; a call that
 * began is reported as ended once, at the latest with its turn.
 */
import { type JsonRecord, recordOf } from './lines.ts'

export interface KnownCall {
  id: string
  title: string | null
  /** The kind of the protocol: `execute`, `edit`, … */
  kind: string | null
  /** The agent's name of the tool, where it says it. */
  name: string | null
  rawInput: JsonRecord | null
  /** Of the files it works on, as the agent names them. */
  paths: string[]
}

const callsMax = 1000
const charsMax = 64 * 1024 ** 2
const pathsMax = 1000

export interface CallListener {
  began(id: string): void
  ended(id: string): void
}

export class Calls {
  readonly #listener: CallListener
  readonly #open = new Set<string>()
  readonly #known = new Map<string, { call: KnownCall; chars: number }>()
  #chars = 0

  constructor(listener: CallListener) {
    this.#listener = listener
  }

  /** Takes an update of any kind. */
  update(update: JsonRecord, chars: number): void {
    const { sessionUpdate, status } = update
    if (sessionUpdate !== 'tool_call' && sessionUpdate !== 'tool_call_update') return
    const call = this.take(update, chars)
    if (call === null) return
    if (status === 'completed' || status === 'failed') this.#end(call.id)
    else if (!this.#open.has(call.id)) {
      this.#open.add(call.id)
      this.#listener.began(call.id)
    }
  }

  has(id: unknown): boolean {
    return typeof id === 'string' && (this.#known.has(id) || this.#open.has(id))
  }

  endAll(): void {
    for (const id of this.#open) this.#end(id)
  }

  /** Takes what an update, or a question, says of a call. `chars`: how long that is. */
  take(described: JsonRecord, chars: number): KnownCall | null {
    const { toolCallId: id } = described
    if (typeof id !== 'string' || id === '' || id.length > 1000) return null
    const before = this.#known.get(id)
    const call = merged(id, before?.call, described)
    this.#forget(id)
    const size = (before?.chars ?? 0) + chars
    this.#known.set(id, { call, chars: size })
    this.#chars += size
    for (const oldest of this.#known.keys()) {
      if (oldest === id || (this.#known.size <= callsMax && this.#chars <= charsMax)) break
      this.#forget(oldest)
    }
    return call
  }

  #end(id: string): void {
    this.#open.delete(id)
    this.#forget(id)
    this.#listener.ended(id)
  }

  #forget(id: string): void {
    this.#chars -= this.#known.get(id)?.chars ?? 0
    this.#known.delete(id)
  }
}

function merged(id: string, before: KnownCall | undefined, described: JsonRecord): KnownCall {
  const paths = pathsIn(described)
  return {
    id,
    title: text(described.title) ?? before?.title ?? null,
    kind: text(described.kind) ?? before?.kind ?? null,
    name: nameIn(described) ?? before?.name ?? null,
    rawInput: filled(described.rawInput) ?? before?.rawInput ?? null,
    paths: paths.length > 0 ? paths : (before?.paths ?? []),
  }
}

/** Some agents announce a call with an empty input and fill it in later. */
function filled(rawInput: unknown): JsonRecord | null {
  const input = recordOf(rawInput)
  return input !== null && Object.keys(input).length > 0 ? input : null
}

/** `name` is the protocol's; the adapter of Claude has it in an extension of its own. */
function nameIn({ name, _meta }: JsonRecord): string | null {
  return text(name) ?? text(recordOf(recordOf(_meta)?.claudeCode)?.toolName)
}

function pathsIn({ locations, content }: JsonRecord): string[] {
  const places = [...listOf(locations), ...listOf(content).filter(({ type }) => type === 'diff')]
  const paths = places.flatMap(({ path }) => text(path) ?? [])
  return [...new Set(paths)].slice(0, pathsMax)
}

function listOf(value: unknown): JsonRecord[] {
  const items: unknown[] = Array.isArray(value) ? value.slice(0, pathsMax) : []
  return items.map(recordOf).filter((item) => item !== null)
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
