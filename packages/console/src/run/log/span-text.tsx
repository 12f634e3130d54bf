/** Styled text, as a terminal shows it. */
import type { ReactNode } from 'react'
import { classes } from '#ui/classes.ts'
import type { Color, Span, Style } from './ansi.ts'

type Marked = Span & { readonly isMatch?: boolean }

export function SpanText({ spans }: { spans: readonly Marked[] }) {
  return <>{spans.map(spanElement)}</>
}

function spanElement({ text, style, href, isMatch = false }: Marked, index: number): ReactNode {
  const look = { className: classNameOf(style, isMatch), style: colorsOf(style) }
  if (href !== undefined) {
    return (
      <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow" title={href} {...look}>
        {text}
      </a>
    )
  }
  if (look.className === undefined && look.style === undefined) return text
  return (
    <span key={index} {...look}>
      {text}
    </span>
  )
}

function classNameOf(style: Style, isMatch: boolean): string | undefined {
  const { bold, dim, italic, underline, strike } = style
  const [front, back] = groundsOf(style)
  const names = classes(
    bold && 'font-semibold',
    dim && 'opacity-70',
    italic && 'italic',
    underline && (strike ? 'log-underline-strike' : 'underline'),
    strike && !underline && 'line-through',
    isNamed(front) && `ansi-${front}`,
    isNamed(back) && `ansi-on-${back}`,
    isMatch && 'log-match',
  )
  return names === '' ? undefined : names
}

type Ground = Color | 'front' | 'back' | undefined

/** Text and what is behind it. On a coloured ground, black, white and grey are what can be read there. */
function groundsOf({ color, background, inverse }: Style): readonly [Ground, Ground] {
  const [front, back] = inverse ? [background ?? 'back', color ?? 'front'] : [color, background]
  const isGrey = front === undefined || front === 0 || front === 7 || front === 8 || front === 15
  return [isNamed(back) && isGrey ? 'back' : front, back]
}

/** The sixteen colours of a terminal have one value for each theme; `front` and `back` are those of the page. */
function isNamed(color: Ground): boolean {
  return color === 'front' || color === 'back' || (typeof color === 'number' && color < 16)
}

function colorsOf(style: Style): Record<string, string> | undefined {
  const [front, back] = groundsOf(style)
  const colors: Record<string, string> = {}
  if (front !== undefined && !isNamed(front)) colors.color = cssOf(front)
  if (back !== undefined && !isNamed(back)) colors.backgroundColor = cssOf(back)
  return Object.keys(colors).length === 0 ? undefined : colors
}

/** Of the palette: a cube of 6 × 6 × 6 colours, then 24 greys. */
function cssOf(color: Color): string {
  if (typeof color === 'string') return color
  if (color >= 232) {
    const grey = 8 + (color - 232) * 10
    return `rgb(${grey} ${grey} ${grey})`
  }
  const cube = color - 16
  const [red, green, blue] = [36, 6, 1].map((size) => {
    const step = Math.floor(cube / size) % 6
    return step === 0 ? 0 : 55 + step * 40
  })
  return `rgb(${red} ${green} ${blue})`
}
