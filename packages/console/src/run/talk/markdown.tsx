/**
 * Markdown that an agent writes, while it writes.
 *
 * It comes from a model, and so from anywhere. Nothing is made of it but the elements below: HTML is shown as text, no
 * image is loaded, and only addresses of the web and of mail can be opened. Blocks that are complete are not rendered
 * again; in the last one, what is not finished (`**bol`) is shown as it will be.
 */
import { lexer, type MarkedToken, type Token, type Tokens } from 'marked'
import { Fragment, memo, type ReactNode, useMemo } from 'react'
import remend from 'remend'
import { Code } from './code.tsx'
import './markdown.css'

export default function Markdown({ text, isOpen }: { text: string; isOpen: boolean }) {
  const blocks = useMemo(() => blocksOf(text, isOpen), [text, isOpen])
  return (
    <div className="markdown">
      {blocks.map((token, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only added
        <Block key={index} token={token} isOpen={isOpen && index === blocks.length - 1} />
      ))}
    </div>
  )
}

function blocksOf(text: string, isOpen: boolean): Token[] {
  const blocks: Token[] = lexer(text)
  const last = blocks.at(-1)
  if (!isOpen || last === undefined || last.type === 'code') return blocks
  return [...blocks.slice(0, -1), ...lexer(remend(last.raw))]
}

const Block = memo(
  ({ token, isOpen }: { token: Token; isOpen: boolean }) => blockOf(token, isOpen),
  (before, after) =>
    before.token.raw === after.token.raw &&
    before.token.type === after.token.type &&
    before.isOpen === after.isOpen,
)

/** `isOpen`: more of it may follow. */
function blockOf(given: Token, isOpen: boolean): ReactNode {
  const token = given as MarkedToken
  switch (token.type) {
    case 'heading': {
      // Below the headings of the page.
      const Heading = `h${Math.min(token.depth + 2, 6)}` as 'h3'
      return <Heading>{inlineOf(token.tokens)}</Heading>
    }
    case 'paragraph':
      return <p>{inlineOf(token.tokens)}</p>
    case 'code':
      return <Code text={token.text} language={languageOf(token.lang)} isOpen={isOpen} />
    case 'blockquote':
      return <blockquote>{childrenOf(token.tokens, (child) => blockOf(child, isOpen))}</blockquote>
    case 'list':
      return listOf(token, isOpen)
    case 'table':
      return tableOf(token)
    case 'hr':
      return <hr />
    case 'space':
    case 'def':
      return null
    case 'html':
      return <p>{token.text}</p>
    default:
      return inlineTokenOf(given)
  }
}

/** Of ```` ```ts title=x ```` the first word. */
function languageOf(info: string | undefined): string {
  return /^[\w#+-]+/.exec(info ?? '')?.[0].toLowerCase() ?? ''
}

function listOf({ ordered, start, items }: Tokens.List, isOpen: boolean): ReactNode {
  const List = ordered ? 'ol' : 'ul'
  return (
    <List {...(ordered && start !== '' ? { start } : {})}>
      {items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items are only added
        <li key={index} className={item.task ? 'markdown-task' : undefined}>
          {item.task && <span>{item.checked ? '☑ ' : '☐ '}</span>}
          {childrenOf(item.tokens, (child) => blockOf(child, isOpen))}
        </li>
      ))}
    </List>
  )
}

function tableOf({ header, rows }: Tokens.Table): ReactNode {
  const cells = (row: Tokens.TableCell[], Cell: 'th' | 'td') =>
    row.map(({ tokens }, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: cells never move
      <Cell key={index}>{inlineOf(tokens)}</Cell>
    ))
  return (
    <div className="markdown-table">
      <table>
        <thead>
          <tr>{cells(header, 'th')}</tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows are only added
            <tr key={index}>{cells(row, 'td')}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function inlineOf(tokens: readonly Token[] | undefined): ReactNode {
  return childrenOf(tokens ?? [], inlineTokenOf)
}

function inlineTokenOf(given: Token): ReactNode {
  const token = given as MarkedToken
  switch (token.type) {
    case 'strong':
      return <strong>{inlineOf(token.tokens)}</strong>
    case 'em':
      return <em>{inlineOf(token.tokens)}</em>
    case 'del':
      return <del>{inlineOf(token.tokens)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'link':
      return <WebLink href={token.href}>{inlineOf(token.tokens)}</WebLink>
    case 'image':
      return <WebLink href={token.href}>[image{token.text && `: ${token.text}`}]</WebLink>
    case 'text':
      return token.tokens === undefined ? unescaped(token.text) : inlineOf(token.tokens)
    case 'escape':
      return token.text
    case 'checkbox':
      return null
    default:
      return given.raw
  }
}

function childrenOf(tokens: readonly Token[], elementOf: (token: Token) => ReactNode): ReactNode {
  return tokens.map((token, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: tokens are only added
    <Fragment key={index}>{elementOf(token)}</Fragment>
  ))
}

function WebLink({ href, children }: { href: string; children: ReactNode }) {
  if (!/^(https?:|mailto:)/i.test(href)) return <span title={href}>{children}</span>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      {children}
    </a>
  )
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

/** The few references to characters that models write. */
function unescaped(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{1,6}));/g, (_, name, number) =>
    name === undefined ? String.fromCodePoint(Number(number)) : (named[name] ?? ''),
  )
}
