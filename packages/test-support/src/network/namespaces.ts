/**
 * Two network namespaces and a switch between them, so that a test can lose packets: what runs in one talks to the other as
 * to another machine, until the cable is pulled. Then packets vanish in both directions, and neither side notices.
 */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'

interface Side {
  namespace: string
  address: string
  /** Precedes a command that runs there. */
  enter: readonly string[]
}

export interface Cable {
  near: Side
  far: Side
  pull(): void
  plug(): void
  /** Removes the namespaces; what runs there must have ended. */
  remove(): void
}

/** The reason why this machine has no namespaces for a test; null: it has. */
export function namespacesMissing(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  try {
    openCable().remove()
    return null
  } catch (error) {
    return `this machine has no network namespaces with a bridge: ${error instanceof Error ? error.message : error}`
  }
}

export function openCable(): Cable {
  const name = `millrace-${randomUUID().slice(0, 8)}`
  const made: string[] = []
  const remove = () => {
    for (const namespace of made.splice(0)) ip('netns', 'delete', namespace)
  }
  const add = (part: string) => {
    const namespace = `${name}-${part}`
    ip('netns', 'add', namespace)
    made.push(namespace)
    return namespace
  }
  try {
    const middle = add('switch')
    ip('-n', middle, 'link', 'add', 'switch', 'up', 'type', 'bridge')
    const side = (part: 'near' | 'far', address: string): Side => {
      const namespace = add(part)
      ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', part, 'netns', middle)
      ip('-n', middle, 'link', 'set', part, 'master', 'switch', 'up')
      ip('-n', namespace, 'address', 'add', `${address}/30`, 'dev', 'eth0')
      for (const device of ['lo', 'eth0']) ip('-n', namespace, 'link', 'set', device, 'up')
      return { namespace, address, enter: ['ip', 'netns', 'exec', namespace] }
    }
    return {
      near: side('near', '10.99.0.1'),
      far: side('far', '10.99.0.2'),
      pull: () => ip('-n', middle, 'link', 'set', 'near', 'nomaster'),
      plug: () => ip('-n', middle, 'link', 'set', 'near', 'master', 'switch'),
      remove,
    }
  } catch (error) {
    remove()
    throw error
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
