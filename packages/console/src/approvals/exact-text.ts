/** Finds what a reader cannot see in a text: what is approved must be what is read. */

export interface Piece {
  /** Where in the text it begins. */
  at: number
  text: string
  /** A character that is invisible, or changes the order of others; `text` names it. */
  isHidden: boolean
}

/**
 * Control and format characters but tab and newline (marks and overrides of direction are among them), lone surrogates,
 * separators, letters that are blank, and spaces that are not the common one.
 */
const hidden = /((?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u3164\uffa0]|\u034f|(?! )\p{Zs})\1*/gu

/** More would take a page seconds to show, and a person hours to read. */
const piecesMax = 4000

/**
 * Splits a text where something hidden stands in it. A hidden character that is repeated is counted. Of a text that is made to
 * be unreadable the rest is counted, too, and is marked like what is hidden.
 */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const { 0: characters, 1: character = '', index } of text.matchAll(hidden)) {
    if (index > end) pieces.push({ at: end, text: text.slice(end, index), isHidden: false })
    if (pieces.length >= piecesMax) {
      const left = (text.length - index).toLocaleString('en')
      return [...pieces, { at: index, text: `${left} more characters are not shown`, isHidden: true }]
    }
    const count = characters.length / character.length
    const name = nameOf(character)
    pieces.push({ at: index, text: count === 1 ? name : `${name} × ${count}`, isHidden: true })
    end = index + characters.length
  }
  if (end < text.length) pieces.push({ at: end, text: text.slice(end), isHidden: false })
  return pieces
}

function nameOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
