/** Items as a tree: what a subagent did stands below the call that started it. */
import type { Item } from './items.ts'
import { itemsOf, type List } from './list.ts'

export interface Nested {
  item: Item
  children: Nested[]
}

/**
 * The items in order, each below its parent. An item whose parent was dropped or is unknown stands at the top, and so
 * does one that names itself or a call that came after it: the result is always a tree that has every item once.
 */
export function nest(items: List<Item>): Nested[] {
  const top: Nested[] = []
  const calls = new Map<string, Nested>()
  for (const item of itemsOf(items)) {
    const node: Nested = { item, children: [] }
    const parent = item.parentToolCallId === null ? undefined : calls.get(item.parentToolCallId)
    const siblings = parent?.children ?? top
    siblings.push(node)
    if (item.kind === 'call') calls.set(item.toolCallId, node)
  }
  return top
}
