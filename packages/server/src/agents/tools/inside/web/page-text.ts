/** The text of a page, as a model reads it. */
import { htmlToMarkdown, withMinimalPreset } from '@mdream/js'
import { Refusal } from '../answer.ts'
import { binaryKind, sizeText } from '../files.ts'

export interface TextSource {
  url: string
  contentType: string | undefined
  body: Buffer
}

const textual = /^text\/|[/+](json|xml|yaml|x-yaml|toml|javascript|ecmascript|x-ndjson|graphql|sql|x-sh|rtf)$/
/** Of the beginning, where a page may say how it is encoded. */
const headBytes = 1024
/** A shorter text is perhaps not all that a page says. */
const sparseChars = 200

export function textOfPage({ url, contentType, body }: TextSource): string {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase())
  const isHtml =
    type === 'text/html' || type === 'application/xhtml+xml' || (type === '' && looksLikeHtml(body))
  const isUnknown = type === '' || type === 'application/octet-stream' || type === 'binary/octet-stream'
  const kind = binaryKind(body)
  const isText = isHtml || textual.test(type) || (isUnknown && kind === null)
  if (!isText) {
    const what = type === '' ? (kind ?? 'unknown') : type
    throw new Refusal(
      `${url} is not text (${what}, ${sizeText(body.length)}). This tool reads text only; use the shell tool to download the file.`,
    )
  }
  const text = decode(body, charsetOf(parameters) ?? (isHtml ? declaredCharset(body) : null))
  return isHtml ? markdown(text, url) : text
}

/** Menus, footers and forms are left out, unless next to nothing is left then. */
function markdown(html: string, url: string): string {
  const content = htmlToMarkdown(html, withMinimalPreset({ origin: url })).trim()
  if (content.length >= sparseChars) return content
  const all = htmlToMarkdown(html, { origin: url, clean: true }).trim()
  return all.length > content.length ? all : content
}

function looksLikeHtml(body: Buffer): boolean {
  return /^\s*<(!doctype html|html|head|body)\b/i.test(body.toString('latin1', 0, headBytes))
}

function charsetOf(parameters: readonly string[]): string | null {
  const parameter = parameters.find((one) => one.startsWith('charset='))
  return parameter?.slice('charset='.length).replaceAll(/["']/g, '') ?? null
}

function declaredCharset(body: Buffer): string | null {
  return /<meta[^>]+charset=["']?([\w-]+)/i.exec(body.toString('latin1', 0, headBytes))?.[1] ?? null
}

function decode(body: Buffer, charset: string | null): string {
  const start = body.toString('latin1', 0, 2)
  const marked = start === '\xff\xfe' ? 'utf-16le' : start === '\xfe\xff' ? 'utf-16be' : null
  try {
    return new TextDecoder(marked ?? charset ?? 'utf-8').decode(body)
  } catch {
    // A name that nobody knows.
    return new TextDecoder().decode(body)
  }
}
