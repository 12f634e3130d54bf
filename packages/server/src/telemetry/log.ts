/** The server's own log: JSON lines on stderr, or lines for a person where stderr is a terminal. */
import { createRequire } from 'node:module'
import { type LogFn, type Logger, pino, stdSerializers } from 'pino'

/** Headers that carry credentials never reach a log line, whatever is logged of a request or an error. */
const secretHeaders = [
  'authorization',
  'cookie',
  '["set-cookie"]',
  '["proxy-authorization"]',
  '["x-api-key"]',
]
const holders = ['headers', '*.headers', '*.*.headers']
const redact = {
  paths: holders.flatMap((holder) =>
    secretHeaders.map((name) => (name.startsWith('[') ? `${holder}${name}` : `${holder}.${name}`)),
  ),
  remove: true,
}

/** Our own secrets (`auth/secrets.ts`), and those an address carries in place of a header. */
const ownSecret = /\bmr_([a-z]+)_[\w-]{20,}/g
const secretInAddress = /([?&](?:code|ticket|token)=)[^&\s"'\\]+/gi

export function createLog(level: string, stream: NodeJS.WriteStream = process.stderr): Logger {
  const options = {
    level,
    redact,
    serializers: { ...stdSerializers, err: errorLines, req: requestLine, res: answerLine },
    // The last door: a library's message or an error's text may quote an address.
    hooks: {
      streamWrite: (line: string) =>
        line.replace(ownSecret, 'mr_$1_[removed]').replace(secretInAddress, '$1[removed]'),
    },
  }
  if (!stream.isTTY) return pino(options, stream)
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty')
  return pino(
    { ...options, hooks: { ...options.hooks, logMethod: forPeople } },
    pretty({
      destination: stream,
      // Of a run's two lines, a person reads which, what and how it ended.
      ignore: 'pid,hostname,requestId,attempt,queuedMs,events',
      translateTime: 'HH:MM:ss',
      singleLine: true,
      sync: true,
    }),
  )
}

/** A run is two lines to a person: its start and its end. */
function forPeople(
  this: Logger,
  args: Parameters<LogFn>,
  method: (...args: Parameters<LogFn>) => void,
): void {
  const isQueued = args.at(-1) === 'run queued'
  if (!isQueued || this.isLevelEnabled('debug')) method.apply(this, args)
}

/** A request in the log: no query string (a ticket or a login code may be in it), no headers. */
function requestLine(request: { method?: string; url?: string }): { method?: string; path?: string } {
  return { method: request.method, path: request.url?.split('?')[0] }
}

/** An error in the log: without the bytes of a request that could not be parsed, which hold all of its headers. */
function errorLines(error: Error): unknown {
  const lines = stdSerializers.err(error) as unknown
  if (lines === null || typeof lines !== 'object' || !('rawPacket' in lines)) return lines
  return { ...lines, rawPacket: undefined }
}

/** An answer in the log: no headers, since one of them sets a cookie. */
function answerLine(response: { statusCode?: number }): { statusCode?: number } {
  return { statusCode: response.statusCode }
}
