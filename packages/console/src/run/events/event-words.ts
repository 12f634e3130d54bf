/** Words for events of any type, also of those that nobody here has heard of. */

const known = new Map(
  Object.entries({
    'run:queued': 'Queued',
    'run:started': 'Started',
    'run:parked': 'Its process has ended until the answer',
    'run:woken': 'Started again with the answer',
    complete: 'Ended',
    error: 'Ended',
    'sandbox:quarantined': 'A protected file was moved away',
    'sandbox:held-back': 'Git settings stay inside of the run',
  }),
)

/** `deploy:step_done` → `Deploy: step done`. */
export function nameOfEvent(type: string): string {
  const given = known.get(type)
  if (given !== undefined) return given
  const words = type
    .replace(/:/g, ': ')
    .replace(/[_.-]+/g, ' ')
    .trim()
  return words === '' ? type : words.charAt(0).toUpperCase() + words.slice(1)
}

/** Fields that say most, the first that is there. */
const telling = [
  'thought',
  'message',
  'text',
  'line',
  'title',
  'name',
  'error',
  'reason',
  'status',
  'summary',
  'description',
]
const charsMax = 240

/** What an event says, in one line: its most telling field, else its plain fields as `name=value`. */
export function summaryOf(data: unknown): string {
  if (typeof data === 'string' || typeof data === 'number' || typeof data === 'boolean')
    return clipped(String(data))
  if (typeof data !== 'object' || data === null) return ''
  if (Array.isArray(data)) return clipped(JSON.stringify(data))
  const fields = data as Record<string, unknown>
  if (typeof fields.exitCode === 'number' || typeof fields.signal === 'string') return endOf(fields)
  const said = tellingText(fields)
  if (said !== null) return clipped(said)
  // Ids and types say nothing beside the name of the event.
  const isPlain = ([name, value]: [string, unknown]) =>
    value !== null && typeof value !== 'object' && !/id$|^type$|^timestamp$/i.test(name)
  const plain = Object.entries(fields).filter(isPlain)
  return clipped(plain.map(([name, value]) => `${name}=${String(value)}`).join(' '))
}

/** Objects that are looked through: what says most stands near the top. */
const lookedAtMax = 60

/** The first telling field, the nearest to the top: messages of agents have their texts deep inside. */
function tellingText(fields: object): string | null {
  const queue: object[] = [fields]
  for (let at = 0; at < queue.length && at < lookedAtMax; at++) {
    const object = queue[at] as Record<string, unknown>
    for (const name of telling) {
      const value = Object.hasOwn(object, name) ? object[name] : undefined
      if (typeof value === 'string' && value.trim() !== '') return value
    }
    for (const value of Object.values(object))
      if (typeof value === 'object' && value !== null) queue.push(value)
  }
  return null
}

function endOf({ exitCode, signal, timedOut, limit }: Record<string, unknown>): string {
  if (timedOut === true) return 'by its time limit'
  if (typeof limit === 'string') return `by its ${limit} limit`
  return typeof signal === 'string' ? `by ${signal}` : `with exit code ${exitCode}`
}

function clipped(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > charsMax ? `${line.slice(0, charsMax - 1)}…` : line
}
