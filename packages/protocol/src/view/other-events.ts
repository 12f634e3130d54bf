/** Events that belong to no kind of run: messages of people, and types that nothing here has words for. */
import { messageTypes } from '#messages'
import type { ViewBounds } from './bounds.ts'
import { add, type Conversation, change, type EventItem, messageNamed, noPlace } from './items.ts'
import { recordOf, stringOf, type ViewEvent } from './run.ts'

/** Takes a message of a person, or what became of it; any other event changes nothing. */
export function takeMessage<C extends Conversation>(into: C, event: ViewEvent, bounds: ViewBounds): C {
  const { messageId: id, text, user } = recordOf(event.data)
  if (typeof id !== 'string') return into
  switch (event.type) {
    case messageTypes.queued: {
      const said = {
        kind: 'message',
        key: `${event.seq}`,
        messageId: id,
        text: stringOf(text) ?? '',
      } as const
      return add(into, { ...noPlace, ...said, user: stringOf(user), status: 'waiting' }, bounds)
    }
    case messageTypes.delivered:
      return change(into, messageNamed(id), (item) => ({ ...item, status: 'delivered' }))
    case messageTypes.withdrawn:
      return change(into, messageNamed(id), (item) => ({ ...item, status: 'withdrawn' }))
    default:
      return into
  }
}

/** Shows an event as it is. */
export function addEvent<C extends Conversation>(
  into: C,
  { seq, type, data }: ViewEvent,
  bounds: ViewBounds,
): C {
  const isShort = (JSON.stringify(data)?.length ?? 0) <= bounds.textCharsMax
  const item: EventItem = {
    ...noPlace,
    kind: 'event',
    key: `${seq}`,
    type,
    data: isShort ? data : undefined,
  }
  return add(into, item, bounds)
}

/** Namespaces that have views of their own, or say nothing to people. */
const ownTypes = /^(run|permission|message|session|subagent|execution|plan|phase|text|tool|model|context):/

/** Is it an event of another program? Its type is of no kind's vocabulary, and is namespaced like `deploy:step`. */
export function isForeign(type: string): boolean {
  return type.includes(':') && !ownTypes.test(type)
}
