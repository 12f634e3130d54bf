/** Code as spans with the names of what they are. A chunk of its own: it is loaded with the first code that names its language. */
import bash from 'highlight.js/lib/languages/bash'
import c from 'highlight.js/lib/languages/c'
import cpp from 'highlight.js/lib/languages/cpp'
import csharp from 'highlight.js/lib/languages/csharp'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import dockerfile from 'highlight.js/lib/languages/dockerfile'
import go from 'highlight.js/lib/languages/go'
import ini from 'highlight.js/lib/languages/ini'
import java from 'highlight.js/lib/languages/java'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import kotlin from 'highlight.js/lib/languages/kotlin'
import markdown from 'highlight.js/lib/languages/markdown'
import php from 'highlight.js/lib/languages/php'
import python from 'highlight.js/lib/languages/python'
import ruby from 'highlight.js/lib/languages/ruby'
import rust from 'highlight.js/lib/languages/rust'
import shell from 'highlight.js/lib/languages/shell'
import sql from 'highlight.js/lib/languages/sql'
import swift from 'highlight.js/lib/languages/swift'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { createLowlight } from 'lowlight'

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  php,
  python,
  ruby,
  rust,
  shell,
  sql,
  swift,
  typescript,
  xml,
  yaml,
})

/** A piece of code, and the classes of what it is part of (`hljs-string`), the outermost first. */
export interface CodeSpan {
  readonly text: string
  readonly className: string
}

/** The spans of some code, in order and without a gap; null for a language that is not known. */
export function codeSpans(code: string, language: string): CodeSpan[] | null {
  if (!lowlight.registered(language)) return null
  const spans: CodeSpan[] = []
  const walk = (nodes: readonly HighlightNode[], className: string) => {
    for (const { value, properties, children } of nodes) {
      if (value !== undefined) spans.push({ text: value, className })
      else walk(children ?? [], [className, ...(properties?.className ?? [])].join(' ').trim())
    }
  }
  walk(lowlight.highlight(language, code).children as readonly HighlightNode[], '')
  return spans
}

/** What we read of a hast node. */
interface HighlightNode {
  readonly value?: string
  readonly properties?: { readonly className?: readonly string[] }
  readonly children?: readonly HighlightNode[]
}
