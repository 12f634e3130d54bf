/** Taking arguments apart, as the rules of programs need it. */
import { unknownText } from '#bash/symbols'

export interface OptionTable {
  /** Letters of options that take a value, attached or as the next argument. */
  values?: string
  /** Long options that take a value as the next argument, if not after `=`. */
  longValues?: readonly string[]
  /** Other long options that matter: written shortened, they are understood as well. */
  long?: readonly string[]
}

export interface Taken {
  /** Options as written out: `-r`, `--recursive`; those in one word are taken apart. */
  options: Set<string>
  /** `[option, value]`, in order. */
  values: [string, string][]
  operands: string[]
  /** Could be an option or anything. */
  unknown: boolean
}

/** `stop`: the first operand ends the options, as with wrappers, whose command follows. */
export function take(args: readonly string[], table: OptionTable = {}, stop = false): Taken {
  const taken: Taken = { options: new Set(), values: [], operands: [], unknown: false }
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '--') {
      taken.operands.push(...args.slice(at + 1))
      break
    }
    if (arg.startsWith('--')) {
      const equals = arg.indexOf('=')
      const meant = meantBy(equals === -1 ? arg : arg.slice(0, equals), table)
      for (const name of meant) taken.options.add(name)
      const takesNext = equals === -1 && meant.some((name) => table.longValues?.includes(name))
      const value = equals === -1 ? args[at + 1] : arg.slice(equals + 1)
      if (equals !== -1 || takesNext) for (const name of meant) taken.values.push([name, value ?? ''])
      if (takesNext) at++
    } else if (arg.startsWith('-') && arg.length > 1) {
      at += takeLetters(arg, args[at + 1], table, taken)
    } else {
      if (arg.startsWith(unknownText)) taken.unknown = true
      if (stop) {
        taken.operands.push(...args.slice(at))
        break
      }
      taken.operands.push(arg)
    }
  }
  return taken
}

/** GNU, git and others take a long option by any beginning of it that is not another one's. */
function meantBy(option: string, { longValues = [], long = [] }: OptionTable): string[] {
  const known = [...longValues, ...long]
  if (known.includes(option)) return [option]
  const meant = known.filter((name) => option.length > 2 && name.startsWith(option))
  return meant.length === 0 ? [option] : meant
}

/** Returns how many further arguments it used. */
function takeLetters(arg: string, next: string | undefined, table: OptionTable, taken: Taken): number {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at] ?? ''
    taken.options.add(`-${letter}`)
    if (!table.values?.includes(letter)) continue
    const attached = arg.slice(at + 1)
    taken.values.push([`-${letter}`, attached === '' ? (next ?? '') : attached])
    return attached === '' ? 1 : 0
  }
  return 0
}

export function valuesOf(taken: Taken, ...names: string[]): string[] {
  return taken.values.filter(([name]) => names.includes(name)).map(([, value]) => value)
}

export function has(taken: Taken, ...names: string[]): boolean {
  return names.some((name) => taken.options.has(name))
}

/** Programs of GNU take a long option by any beginning of it: at least two letters here. */
export function hasLong(taken: Taken, ...names: string[]): boolean {
  return [...taken.options].some(
    (option) =>
      option.length >= 4 && option.startsWith('--') && names.some((name) => name.startsWith(option)),
  )
}

/** Every text in an argument that could be a path: the whole, after `=`, after a letter. */
export function pathsIn(arg: string): string[] {
  if (!arg.startsWith('-')) {
    const equals = arg.indexOf('=')
    return equals === -1 ? [arg] : [arg, arg.slice(equals + 1)]
  }
  const found: string[] = []
  if (arg.includes('=')) found.push(arg.slice(arg.indexOf('=') + 1))
  if (/^-[A-Za-z]./u.test(arg)) found.push(arg.slice(2))
  return found.filter((path) => path.includes('/') || path.startsWith('~') || path.startsWith('.'))
}
