/**
 * Descriptors that this process was itself started with. What Node opens is closed in a child, but
 * what a shell, a supervisor or a debugger left open is handed on, and an open directory would be a
 * way around every mount.
 *
 * Owns: one descriptor of /dev/null, until `close()`, that a child gets in the place of each of them.
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

  /** `stdio` of a child, whose own entries come first, with every other descriptor made harmless. */
  around<T>(own: readonly T[]): (T | number | 'ignore')[] {
    const stdio: (T | number | 'ignore')[] = [...own]
    if (this.stray.length > 0 && this.nothing === null) {
      throw new MillraceError('sandbox_unavailable', 'the sandbox is closed')
    }
    for (const descriptor of this.stray) {
      if (descriptor < own.length || this.nothing === null) continue
      // Entries between are left as they are: above 2 Node takes "ignore" literally.
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

/** Open descriptors above 2 that a child would inherit, in order. Empty where there is no /proc. */
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
    // It was the directory being read, and is closed again.
    return false
  }
}
