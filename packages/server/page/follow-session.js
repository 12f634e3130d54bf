// Follows one session: puts its events into the log, shows the log in the page, and sends answers to the server.
import { post } from './api.js'
import { hideChanges, showChanges } from './changes.js'
import { newSessionLog, sessionTypes } from './session-log.js'
import { newSessionView } from './session-view.js'

const past = {
  completed: 'completed',
  errored: 'failed',
  aborted: 'was aborted',
  interrupted: 'was interrupted',
}

/** A reason that names the state already stands alone. */
function endText(state, why) {
  if (why === undefined) return `The session ${past[state]}.`
  return why.toLowerCase().startsWith(state) ? why : `The session ${past[state]}: ${why}`
}

/**
 * `tell` shows what happens: `started()`, `ended(text)`, `named(isDemo)`, `note(text)`, `announce(text)`,
 * `problem(text)`, `connection(text)`, `reload()`. Returns a function that stops following.
 */
export function followSession(run, tell) {
  const path = `api/runs/${encodeURIComponent(run.id)}`
  // A session that is over needs no partial texts: the whole ones are in the log.
  const types = [...sessionTypes, 'run:started'].join(',')
  const over = run.finishedAt !== null
  const stream = new EventSource(`${path}/events${over ? `?types=${encodeURIComponent(types)}` : ''}`)
  let log
  let view
  let isOpen = true

  const answer = async (id, decision, message) => {
    try {
      await post(`${path}/approvals/${id}`, message === '' ? { decision } : { decision, message })
      return true
    } catch (error) {
      // Another person or the deadline was first: the log says which.
      tell.problem(error.message)
      return error.status === 409
    }
  }
  const begin = () => {
    view?.close()
    hideChanges()
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
  for (const state of Object.keys(past)) {
    on(state, ({ error, reason }) => {
      stream.close()
      log.end()
      view.changed()
      tell.ended(endText(state, error ?? reason))
      void showChanges(path, () => isOpen)
    })
  }
  stream.addEventListener('open', () => tell.connection(''))
  stream.addEventListener('error', () => {
    if (stream.readyState === EventSource.CONNECTING) tell.connection('Connection lost. Reconnecting…')
    else tell.reload()
  })
  return () => {
    isOpen = false
    stream.close()
    view.close()
    hideChanges()
  }
}
