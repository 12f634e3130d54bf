/** A block of code in Markdown: plain at once, and coloured as soon as what colours it is there. */
import { useEffect, useState } from 'react'
import type { CodeSpan } from './highlight.ts'

/** Colouring takes time that grows with the text. */
const charsMax = 20_000

export function Code({ text, language, isOpen }: { text: string; language: string; isOpen: boolean }) {
  const [coloured, setColoured] = useState<{ text: string; spans: readonly CodeSpan[] } | null>(null)
  // Code that is being written changes with every frame.
  const isWanted = !isOpen && language !== '' && text.length <= charsMax
  useEffect(() => {
    if (!isWanted) return
    let isLeft = false
    import('./highlight.ts').then(
      ({ codeSpans }) => {
        const spans = isLeft ? null : codeSpans(text, language)
        if (spans !== null) setColoured({ text, spans })
      },
      // It stays plain.
      () => {},
    )
    return () => {
      isLeft = true
    }
  }, [isWanted, text, language])
  return (
    <pre>
      <code>
        {coloured?.text !== text
          ? text
          : coloured.spans.map(({ text: piece, className }, index) =>
              className === '' ? (
                piece
              ) : (
                // biome-ignore lint/suspicious/noArrayIndexKey: the spans of a text never move
                <span key={index} className={className}>
                  {piece}
                </span>
              ),
            )}
      </code>
    </pre>
  )
}
