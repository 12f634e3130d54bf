/** A dialect that differs from the native one wherever it may: two frames for most events, none for `note`. */
import type { Dialect } from '#delivery/dialect'

export const toyDialect: Dialect = {
  contentType: 'text/event-stream; charset=utf-8',
  frames({ seq, type, json }, terminal) {
    if (type === 'note' && !terminal) return ''
    const last = terminal ? '[DONE]' : json
    return `data: {"begin":"${type}"}\n\nid: ${seq}\ndata: ${last}\n\n`
  },
  heartbeat: (text) => `event: tick\ndata: ${text}\n\n`,
  reset: ({ reason, head }) => `event: rewind\ndata: ${reason} ${head}\n\n`,
  startOver: '{"startOver":true}\n',
  whenOver: 'empty-stream',
}
