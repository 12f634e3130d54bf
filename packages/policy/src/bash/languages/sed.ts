/** The scripts of `sed` that only edit text. */

const address = /^\s*(\d+(~\d+)?|\$|\/(\\.|[^/\\\n])*\/[IM]*|\+\d+|~\d+)/

/** Null when every command of the script is one that only edits text; else what is wrong, to be said after it. */
export function sedTrouble(script: string): string | null {
  let rest = script
  while (rest.trim() !== '') {
    rest = rest.replace(/^[\s;}]+/, '')
    if (rest === '') return null
    for (const separator of [/^\s*,?/, /^\s*!?\s*/]) {
      const found = address.exec(rest)?.[0] ?? ''
      if (!bracketsClose(found)) return 'has brackets that sed may read in another way'
      rest = rest.slice(found.length).replace(separator, '')
    }
    const after = afterCommand(rest)
    if (typeof after === 'string') return after
    rest = rest.slice(after.length)
  }
  return null
}

/** How much of the text the first command takes, or what is wrong with it. */
function afterCommand(text: string): { length: number } | string {
  const letter = text[0] ?? ''
  if (letter === 's' || letter === 'y') {
    const end = endOfSubstitution(text)
    if (end === -1 || !bracketsClose(text.slice(2, text.indexOf(text[1] ?? '', 2))))
      return 'has a substitution that cannot be separated'
    const flags = /^[a-zA-Z0-9]*/.exec(text.slice(end))?.[0] ?? ''
    if (!/^[gpiI0-9]*$/.test(flags)) return `has the flags ${flags}, which can run commands or write files`
    return ended(text, end + flags.length)
  }
  if (/[aic]/.test(letter))
    return { length: /^[aic](\\\n|[^\n\\]|\\.)*/.exec(text)?.[0].length ?? text.length }
  if (/[:btT]/.test(letter)) return ended(text, /^[:btT]\s*\w*/.exec(text)?.[0].length ?? 1)
  if (letter === '#') return { length: /^#[^\n]*/.exec(text)?.[0].length ?? 1 }
  if (letter === '{') return { length: 1 }
  if (/[pdDPnNgGhHxl=qQz]/.test(letter)) return ended(text, /^.(\s*\d+)?/.exec(text)?.[0].length ?? 1)
  return `has the command ${letter}, which can run commands or reach other files`
}

function ended(text: string, length: number): { length: number } | string {
  return /^\s*([;}\n#]|$)/.test(text.slice(length)) ? { length } : 'cannot be separated into commands'
}

/** A delimiter between brackets ends the text for one sed and not for another. */
function bracketsClose(pattern: string): boolean {
  return /^(\\[\s\S]|[^\\[]|\[\^?\]?[^\]]*\])*$/.test(pattern)
}

/** The index after the third delimiter. */
function endOfSubstitution(text: string): number {
  const delimiter = text[1] ?? ''
  if (delimiter === '' || /[\\\n\w]/.test(delimiter)) return -1
  let seen = 0
  for (let at = 2; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === delimiter && ++seen === 2) return at + 1
  }
  return -1
}
