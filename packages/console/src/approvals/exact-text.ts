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
const hidden = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u3164\uffa0]|\u034f|(?! )\p{Zs}/gu

/** Splits a text where something hidden stands in it. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const { 0: character, index } of text.matchAll(hidden)) {
    if (index > end) pieces.push({ at: end, text: text.slice(end, index), isHidden: false })
    pieces.push({ at: index, text: nameOf(character), isHidden: true })
    end = index + character.length
  }
  if (end < text.length) pieces.push({ at: end, text: text.slice(end), isHidden: false })
  return pieces
}

function nameOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
