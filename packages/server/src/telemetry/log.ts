/** The server's own log: JSON lines on stderr, or lines for a person where stderr is a terminal. */
import { type Logger, pino, stdSerializers } from 'pino'
import pretty from 'pino-pretty'

/** Headers that carry credentials never reach a log line, whatever is logged of a request. */
const redact = {
  paths: ['req.headers.authorization', 'req.headers.cookie', 'headers.authorization', 'headers.cookie'],
  remove: true,
}

export function createLog(level: string, stream: NodeJS.WriteStream = process.stderr): Logger {
  const options = { level, redact, serializers: { ...stdSerializers, req: requestLine } }
  if (!stream.isTTY) return pino(options, stream)
  return pino(
    options,
    pretty({ destination: stream, ignore: 'pid,hostname', translateTime: 'HH:MM:ss', sync: true }),
  )
}

/** A request in the log: no query string (a ticket or a login code may be in it), no headers. */
function requestLine(request: { method?: string; url?: string }): { method?: string; path?: string } {
  return { method: request.method, path: request.url?.split('?')[0] }
}
