// Follows one session: its events into the log, the log into the page, answers back to the server.
import { post } from './api.js'
import { newSessionLog, sessionTypes } from './session-log.js'
import { newSessionView } from './session-view.js'

const ends = ['completed', 'errored', 'aborted', 'interrupted']

/** Some reasons say the state themselves. */
function endText(state, why) {
  if (why === undefined) return `The session is ${state}.`
  return why.toLowerCase().startsWith(state) ? why : `The session is ${state}: ${why}`
}

/**
 * `tell` is who shows it: `started()`, `ended(text)`, `named(isDemo)`, `note(text)`, `announce(text)`,
 * `problem(text)`, `connection(text)`, `reload()`. Returns what leaves it again.
 */
export function followSession(run, tell) {
  const path = `api/runs/${encodeURIComponent(run.id)}`
  // Of what is over, the texts need not come in pieces first.
  const types = [...sessionTypes, 'run:started'].join(',')
  const over = run.finishedAt !== null
  const stream = new EventSource(`${path}/events${over ? `?types=${encodeURIComponent(types)}` : ''}`)
  let log
  let view

  const answer = async (id, decision, message) => {
    try {
      await post(`${path}/approvals/${id}`, message === '' ? { decision } : { decision, message })
      return true
    } catch (error) {
      // Somebody else, or the clock: the log says who.
      tell.problem(error.message)
      return error.status === 409
    }
  }
  const begin = () => {
    view?.close()
    log = newSessionLog()
    view = newSessionView(log, { answer, note: tell.note, announce: tell.announce })
    if (typeof run.spec.prompt === 'string') log.say('prompt', run.spec.prompt)
    view.changed()
  }
  begin()

  const on = (type, action) =>
    stream.addEventListener(type, (event) => {
      action(event instanceof MessageEvent ? JSON.parse(event.data) : {})
    })
  for (const type of [...sessionTypes, 'stream_event']) {
    on(type, (data) => {
      log.take(type, data)
      view.changed()
      tell.named(log.isDemo())
    })
  }
  on('run:started', tell.started)
  on('reset', ({ firstSeq }) => {
    begin()
    if (firstSeq > 1) tell.note(`The server no longer has the events before ${firstSeq}.`)
  })
  for (const state of ends) {
    on(state, ({ error, reason }) => {
      stream.close()
      log.end()
      view.changed()
      tell.ended(endText(state, error ?? reason))
    })
  }
  stream.addEventListener('open', () => tell.connection(''))
  stream.addEventListener('error', () => {
    if (stream.readyState === EventSource.CONNECTING) tell.connection('Connection lost, trying again…')
    else tell.reload()
  })
  return () => {
    stream.close()
    view.close()
  }
}
