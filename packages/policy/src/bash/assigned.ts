/** Which names a command assigns, and which words name a program or a number. */
import { forEachChild, type SyntaxNode, type Word } from 'unbash'
import type { Input } from './call.ts'
import type { Reading } from './reading.ts'
import { holdsStandIn, plainText } from './symbols.ts'

/** Builtins whose arguments are assignments, and whether programs see them. */
export const declaring: Readonly<Record<string, 'exported' | 'own' | undefined>> = {
  export: 'exported',
  declare: 'own',
  typeset: 'own',
  local: 'own',
  readonly: 'own',
}

/** Only a name written out, plain or in quotes, is a name. */
export function isDynamic(name: Word): boolean {
  if (holdsStandIn(name.value)) return true
  return !(name.parts ?? []).every(
    (part) =>
      part.type === 'Literal' ||
      part.type === 'SingleQuoted' ||
      (part.type === 'DoubleQuoted' && part.parts.every((inner) => inner.type === 'Literal')),
  )
}

export function shared(input: Input): Input {
  return input.from === 'text' ? { from: 'elsewhere' } : input
}

export function isNumber(text: string): boolean {
  return text !== '' && [...text].every((char) => char === plainText || /[\d-]/.test(char))
}

/** Names a node assigns, wherever below it, as far as that is written out; true: numbers alone. */
export function assignedIn(node: SyntaxNode, reading: Reading): Map<string, boolean> {
  const names = new Map<string, boolean>()
  const note = (name: string, counts: boolean) => names.set(name, counts && names.get(name) !== false)
  const visit = (child: SyntaxNode): void => {
    if (!reading.look()) return
    if (child.type === 'Assignment') {
      const parts = child.value.type === 'Word' ? (child.value.parts ?? []) : []
      const plain = child.value.type === 'Word' && /^\d+$/.test(child.value.text)
      const sum = parts.length === 1 && parts[0]?.type === 'ArithmeticExpansion'
      note(child.name, child.index === undefined && child.append !== true && (plain || sum))
    }
    if (child.type === 'For' || child.type === 'Select') note(child.name.value, false)
    const program = child.type === 'Command' ? (child.name?.value ?? '') : ''
    if (child.type === 'Command' && /^(read|mapfile|readarray|printf|getopts|unset|let)$/.test(program))
      for (const arg of child.args) if (arg.type === 'Word' && /^\w+$/.test(arg.value)) note(arg.value, false)
    reading.deeper(() => forEachChild(child, visit))
  }
  visit(node)
  return names
}
