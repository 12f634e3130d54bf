/** How much a view may hold. What is left out is counted where it is left out. */
export interface ViewBounds {
  /** Lines of a job's output. `Infinity` keeps them all. */
  readonly linesMax: number
  /** Texts, calls and notes of a session or an execution. */
  readonly itemsMax: number
  /** Characters of one text, of one call's output and of one result. */
  readonly textCharsMax: number
}

export const defaultBounds: ViewBounds = { linesMax: 10_000, itemsMax: 2_000, textCharsMax: 60_000 }

/** A text and how many characters were cut from its end. */
export interface BoundedText {
  readonly text: string
  readonly cutChars: number
}

export const emptyText: BoundedText = { text: '', cutChars: 0 }

/** The text with more at its end. It is cut between characters. */
export function extend({ text, cutChars }: BoundedText, added: string, charsMax: number): BoundedText {
  if (cutChars > 0) return { text, cutChars: cutChars + added.length }
  const whole = text + added
  if (whole.length <= charsMax) return { text: whole, cutChars: 0 }
  const kept = wholeCharacters(whole.slice(0, charsMax))
  return { text: kept, cutChars: whole.length - kept.length }
}

/** A text without the half of a character at its end. */
export function wholeCharacters(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text
}
