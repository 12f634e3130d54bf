/**
 * Markdown that an agent writes, while it writes. What it is made of comes from a model, and so from anywhere: HTML is
 * shown as text, no image is loaded, and only addresses of the web and of mail can be opened.
 */
import type { ComponentProps, ReactNode } from 'react'
import { type Components, defaultRehypePlugins, Streamdown } from 'streamdown'
import './markdown.css'

// Without `raw`, which would make elements of HTML in the text.
const rehypePlugins = [defaultRehypePlugins.sanitize, defaultRehypePlugins.harden].filter(
  (plugin) => plugin !== undefined,
)

const components = {
  a: ({ href, children }: ComponentProps<'a'>) => <WebLink href={href}>{children}</WebLink>,
  img: ({ src, alt }: ComponentProps<'img'>) => (
    <WebLink href={typeof src === 'string' ? src : undefined}>[image{alt ? `: ${alt}` : ''}]</WebLink>
  ),
  pre: ({ children }: ComponentProps<'pre'>) => <pre>{children}</pre>,
  code: ({ children }: ComponentProps<'code'>) => <code>{children}</code>,
  table: ({ children }: ComponentProps<'table'>) => (
    <div className="markdown-table">
      <table>{children}</table>
    </div>
  ),
  ...plain('h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'p', 'ul', 'ol', 'li', 'blockquote', 'hr', 'strong', 'em'),
  ...plain('thead', 'tbody', 'tr', 'th', 'td', 'del', 'sup', 'sub', 'section'),
} as Components

/** Elements as they are, without the classes of the library. */
function plain(...names: string[]): Components {
  return Object.fromEntries(
    names.map((Name) => [
      Name,
      ({ children }: { children?: ReactNode }) => {
        const Element = Name as 'div'
        return <Element>{children}</Element>
      },
    ]),
  )
}

function WebLink({ href, children }: { href: string | undefined; children: ReactNode }) {
  if (href === undefined || !/^(https?:|mailto:)/i.test(href)) return <span title={href}>{children}</span>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      {children}
    </a>
  )
}

export default function Markdown({ text, isOpen }: { text: string; isOpen: boolean }) {
  return (
    <Streamdown
      className="markdown"
      mode={isOpen ? 'streaming' : 'static'}
      components={components}
      rehypePlugins={rehypePlugins}
      controls={false}
    >
      {text}
    </Streamdown>
  )
}
