/** The tool `fetch`: the text of a page of the web. */
import { type Answer, Refusal } from './answer.ts'
import { sizeText } from './files.ts'
import { textOfPage } from './web/page-text.ts'
import { type Page, type PageRequest, requestPage } from './web/request.ts'

export interface FetchRequest extends Omit<PageRequest, 'signal'> {
  url: string
  /** The first character of the text to show, from 0. */
  offset: number
  outputCharsMax: number
  seconds: number
}

const redirectsMax = 5

export async function run(request: FetchRequest): Promise<Answer> {
  const { seconds, bytesMax } = request
  const signal = AbortSignal.timeout(seconds * 1000)
  try {
    const { url, page, elsewhere } = await follow(new URL(request.url), { ...request, signal })
    if (elsewhere !== null) {
      const text = `${url} redirects to another host: ${elsewhere}. Nothing was read. Call the tool again with that address if you want it.`
      return { ok: true, text, details: { url: url.href, status: page.status, redirect: elsewhere.href } }
    }
    const text = textOfPage({ url: url.href, contentType: page.headers['content-type'], body: page.body })
    return answerOf(url, page, text, request)
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (signal.aborted) throw new Refusal(`${request.url} did not answer within ${seconds} s.`)
    throw new Refusal(`${request.url} could not be fetched: ${reasonOf(error, bytesMax)}.`)
  }
}

/** Follows redirects within a host. Another host is for the policy to judge: it takes a new call. */
async function follow(
  start: URL,
  request: PageRequest,
): Promise<{ url: URL; page: Page; elsewhere: URL | null }> {
  let url = start
  for (let count = 0; count <= redirectsMax; count += 1) {
    const page = await requestPage(url, request)
    const { location } = page.headers
    if (page.status < 300 || page.status > 399 || location === undefined)
      return { url, page, elsewhere: null }
    const next = URL.parse(location, url.href)
    if (next === null || !/^https?:$/.test(next.protocol))
      throw new Refusal(`${url} redirects to ${location.slice(0, 200)}, which is not a web address.`)
    if (!isSamePlace(url, next)) return { url, page, elsewhere: next }
    url = next
  }
  throw new Refusal(`${start} redirects more than ${redirectsMax} times.`)
}

/** The same host and port; from http to https is no other place. */
function isSamePlace(from: URL, to: URL): boolean {
  if (from.hostname !== to.hostname) return false
  if (from.protocol === to.protocol) return from.port === to.port
  return from.protocol === 'http:' && from.port === '' && to.port === ''
}

function answerOf(
  url: URL,
  page: Page,
  text: string,
  { offset, outputCharsMax, bytesMax }: FetchRequest,
): Answer {
  const ok = page.status >= 200 && page.status < 300
  const head = ok ? [] : [`The server answered with status ${page.status}.`]
  const shown = text.slice(offset, offset + outputCharsMax)
  const end = offset + shown.length
  const notes: string[] = []
  if (end < text.length)
    notes.push(`[Characters ${offset}–${end} of ${text.length}. To read on, use offset ${end}.]`)
  else if (offset > 0) notes.push(`[Characters ${offset}–${end} of ${text.length}: the end.]`)
  if (page.isCut) notes.push(`[Only the first ${sizeText(bytesMax)} of the page were read.]`)
  const body = shown === '' ? (offset > 0 ? `The text has ${text.length} characters.` : '(no text)') : shown
  return {
    ok,
    text: [...head, body, ...(notes.length === 0 ? [] : ['', ...notes])].join('\n'),
    details: { url: url.href, status: page.status, chars: text.length },
  }
}

function reasonOf(error: unknown, bytesMax: number): string {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name could not be resolved'
    case 'ECONNREFUSED':
      return 'the connection was refused'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection was closed'
    case 'HPE_HEADER_OVERFLOW':
      return 'its header is too large'
    case 'Z_DATA_ERROR':
    case 'Z_BUF_ERROR':
      return `its content of at most ${sizeText(bytesMax)} could not be decompressed`
    default:
      return message || String(code)
  }
}
