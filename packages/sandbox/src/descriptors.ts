/**
 * The descriptors that this process inherited. Node closes its own descriptors in a child, but a child inherits
 * those that a shell, a supervisor or a debugger left open, and an open directory would bypass every mount.
 *
 * Owns: one descriptor of /dev/null, until `close()`, which a child gets in place of each of them.
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { MillraceError } from '@millrace/protocol'

const closeOnExec = 0o2000000

export class DescriptorCover {
  private readonly stray: number[]
  private nothing: number | null

  constructor() {
    this.stray = strayDescriptors()
    this.nothing = this.stray.length > 0 ? openSync('/dev/null', 'r') : null
  }

  /** Returns the `stdio` of a child: its own entries first, and every other descriptor made harmless. */
  around<T>(own: readonly T[]): (T | number | 'ignore')[] {
    const stdio: (T | number | 'ignore')[] = [...own]
    if (this.stray.length > 0 && this.nothing === null) {
      throw new MillraceError('sandbox_unavailable', 'the sandbox is closed')
    }
    for (const descriptor of this.stray) {
      if (descriptor < own.length || this.nothing === null) continue
      // Leave the gaps as they are: above 2, Node takes "ignore" literally.
      while (stdio.length < descriptor) stdio.push('ignore')
      stdio[descriptor] = this.nothing
    }
    return stdio
  }

  close(): void {
    if (this.nothing === null) return
    closeSync(this.nothing)
    this.nothing = null
  }
}

/** Returns the open descriptors above 2 that a child would inherit, in order. Empty without /proc. */
function strayDescriptors(): number[] {
  let names: string[]
  try {
    names = readdirSync('/proc/self/fd')
  } catch {
    return []
  }
  return names
    .map(Number)
    .filter((descriptor) => descriptor > 2 && isInherited(descriptor))
    .sort((a, b) => a - b)
}

function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0
  } catch {
    // It was the descriptor of the directory being read, which is closed again.
    return false
  }
}
