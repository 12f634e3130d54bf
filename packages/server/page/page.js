// The plain page: a list of runs and the live output of one. It uses only the server's public HTTP faces,
// as any other client would.
import { api, codeOfToken, post, whenLoggedOut } from './api.js'
import { followSession } from './follow-session.js'
import { newOutput } from './output.js'
import { nameOf, newRunList, stateOf } from './run-list.js'
import { newStartForms } from './start-forms.js'

const byId = (id) => document.getElementById(id)

let refreshing

function showLogin() {
  clearInterval(refreshing)
  leave()
  byId('login').hidden = false
  byId('app').hidden = true
  byId('skip').hidden = true
  byId('logout').hidden = true
}

/** Performs the action of a click, and shows the problem if it fails. */
async function attempt(action) {
  byId('problem').hidden = true
  try {
    await action()
  } catch (error) {
    showProblem(error.message, error.status === undefined)
  }
}

/** `isAway`: the server did not respond. The text goes away as soon as it does. */
function showProblem(text, isAway = false) {
  byId('problem').textContent = text
  byId('problem').hidden = false
  byId('problem').classList.toggle('away', isAway)
}

function announce(text) {
  byId('announce').textContent = text
}

// --- the list -------------------------------------------------------------------------------------

const runs = new Map()
const list = newRunList(byId('runs'), (id) => attempt(() => open(id)))
let openId = null
/** Undefined until the first page arrives, null when there are no older runs. */
let nextCursor

/** The list's address: of all runs, or of those that failed. */
function query() {
  return `api/runs?limit=50${byId('failed-only').checked ? '&outcome=failure' : ''}`
}

/** Begins the list again, with what the page already knows. */
byId('failed-only').addEventListener('change', () => {
  nextCursor = undefined
  drawList()
  void attempt(refresh)
})

async function refresh() {
  const asked = query()
  const page = await api(asked)
  if (asked !== query()) return
  if (byId('problem').classList.contains('away')) byId('problem').hidden = true
  for (const run of page.runs) update(run)
  if (nextCursor === undefined) nextCursor = page.nextCursor
  drawList()
}

/** Takes a run from a list. It may be older than the one already known, and newer than the one shown. */
function update(run) {
  const known = runs.get(run.id)
  // A run that is over never changes.
  if (known !== undefined && known.finishedAt !== null) return
  runs.set(run.id, run)
  if (run.id === openId && known !== undefined && known.state !== run.state) drawDetail(run)
}

async function older() {
  const page = await api(`${query()}&cursor=${encodeURIComponent(nextCursor)}`)
  for (const run of page.runs) update(run)
  nextCursor = page.nextCursor
  drawList()
}

function drawList() {
  const failedOnly = byId('failed-only').checked
  const shown = [...runs.values()].filter(({ outcome }) => !failedOnly || outcome === 'failure')
  const sorted = shown.sort((a, b) => b.createdAt - a.createdAt)
  list.draw(sorted, openId)
  byId('no-runs').hidden = sorted.length > 0
  byId('more').hidden = !nextCursor
}

// --- one run --------------------------------------------------------------------------------------

/** Stops following the open run. */
let leave = () => {}

async function open(id) {
  leave()
  openId = id
  history.replaceState(null, '', `#${id}`)
  drawList()
  const { run } = await api(`api/runs/${encodeURIComponent(id)}`)
  if (openId !== id) return
  runs.set(id, run)
  byId('nothing-open').hidden = true
  byId('open').hidden = false
  byId('skip').hidden = false
  byId('end').hidden = true
  byId('cut').hidden = true
  byId('connection').textContent = ''
  drawList()
  drawDetail(run)
  // A run that is opened twice before the first answer arrives must not be followed twice.
  leave()
  leave = run.kind === 'session' ? followSession(run, sessionTeller(run)) : followJob(id)
}

function drawDetail(run) {
  const focused = document.activeElement
  const { label, look } = stateOf(run)
  const isSession = run.kind === 'session'
  byId('title').textContent = isSession ? titleOf(run.id) : nameOf(run)
  byId('state').textContent = label
  byId('state').className = `state ${look}`
  const facts = [run.project, run.owner, new Date(run.createdAt).toLocaleString(), run.id].filter(Boolean)
  byId('facts').replaceChildren(facts.join(' · '), ...originsOf(run))
  const over = run.finishedAt !== null
  byId('abort').hidden = over
  byId('retry').hidden = !over
  byId('retry').textContent = isSession ? 'Retry' : 'Run again'
  byId('output').hidden = isSession
  byId('session').hidden = !isSession
  byId('resume').hidden = !over
  // The button that had the focus may be gone: keep the keyboard focus on the run.
  if (focused !== document.body && focused.offsetParent === null) byId(isSession ? 'log' : 'output').focus()
}

/** Ids of the sessions that the scripted demo model answers, according to their logs. */
const demos = new Set()

function titleOf(id) {
  return demos.has(id) ? 'Agent session (scripted demo model)' : 'Agent session'
}

/** Links to the runs that this one retries or resumes. */
function originsOf({ retryOf, resumes }) {
  const origins = [
    ['retry of', retryOf],
    ['resumes', resumes],
  ].filter(([, id]) => id)
  return origins.flatMap(([how, id]) => {
    const link = document.createElement('a')
    link.href = `#${id}`
    link.textContent = id.slice(0, 8)
    return [` · ${how} `, link]
  })
}

function followJob(id) {
  const stream = new EventSource(`api/runs/${encodeURIComponent(id)}/events`)
  let pane = newOutput(byId('output'), note)
  const connection = byId('connection')
  stream.addEventListener('open', () => {
    connection.textContent = ''
  })
  stream.addEventListener('run:started', () => reload(id))
  stream.addEventListener('output', ({ data }) => {
    const { line, stream: from } = JSON.parse(data)
    pane.add(line, from)
  })
  // The log starts over from its first event. Clear the output, or its lines would appear twice.
  stream.addEventListener('reset', ({ data }) => {
    pane.close()
    pane = newOutput(byId('output'), note)
    const { firstSeq } = JSON.parse(data)
    byId('cut').hidden = true
    if (firstSeq > 1) note(`The server no longer has the events before ${firstSeq}.`)
  })
  const end = (text) => {
    stream.close()
    return ended(id, text)
  }
  stream.addEventListener('complete', ({ data }) => end(completeText(JSON.parse(data))))
  // `error` is an event of a job, and also what an EventSource reports when its connection breaks.
  stream.addEventListener('error', (event) => {
    if (event instanceof MessageEvent) end(JSON.parse(event.data).message)
    else if (stream.readyState === EventSource.CONNECTING)
      connection.textContent = 'Connection lost. Reconnecting…'
    else reload(id)
  })
  return () => {
    stream.close()
    pane.close()
  }
}

function sessionTeller({ id }) {
  const whileOpen = (action) => (value) => {
    if (openId === id) action(value)
  }
  return {
    started: () => reload(id),
    reload: () => reload(id),
    ended: (text) => {
      announce(text)
      return ended(id, text)
    },
    named: whileOpen((isDemo) => {
      if (!isDemo || demos.has(id)) return
      demos.add(id)
      byId('title').textContent = titleOf(id)
    }),
    note: whileOpen(note),
    announce: whileOpen(announce),
    problem: whileOpen(showProblem),
    connection: whileOpen((text) => {
      byId('connection').textContent = text
    }),
  }
}

function note(text) {
  byId('cut').textContent = text
  byId('cut').hidden = false
}

function completeText({ exitCode, signal, timedOut, limit, durationMs, outputLines }) {
  const seconds = (durationMs / 1000).toFixed(1)
  const lines = outputLines === 1 ? '1 line' : `${outputLines} lines`
  return `The process ${howItEnded({ exitCode, signal, timedOut, limit })} after ${seconds} s and ${lines}.`
}

function howItEnded({ exitCode, signal, timedOut, limit }) {
  if (timedOut) return 'timed out'
  if (limit === 'protected') return 'was killed because it kept making files under protected names'
  if (limit !== undefined) return `exceeded its ${limit} limit and was killed`
  return signal === null ? `exited with code ${exitCode}` : `was killed by ${signal}`
}

async function ended(id, text) {
  if (openId === id) {
    byId('connection').textContent = ''
    byId('end').textContent = text
    byId('end').hidden = false
  }
  await reload(id)
}

/** Reads a run again. No click caused this, so an earlier problem stays visible. */
async function reload(id) {
  try {
    const { run } = await api(`api/runs/${encodeURIComponent(id)}`)
    runs.set(id, run)
    if (openId === id) drawDetail(run)
    drawList()
  } catch (error) {
    showProblem(error.message, error.status === undefined)
  }
}

// --- starting -------------------------------------------------------------------------------------

const forms = newStartForms({ start: byId('start'), ask: byId('ask'), args: byId('args') }, (body) =>
  attempt(async () => opened(await post('api/runs', body))),
)

function opened({ run }) {
  runs.set(run.id, run)
  return open(run.id)
}

async function begin() {
  const server = await api('api/server')
  byId('who').textContent = `${server.user} · ${server.version}`
  byId('logout').hidden = false
  if (server.sandbox.warnings.length > 0) {
    byId('banner').textContent = server.sandbox.warnings.join('\n')
    byId('banner').hidden = false
  }
  const [projects, tools] = await Promise.all([api('api/projects'), api('api/tools')])
  byId('app').hidden = false
  forms.offer({ ...projects, ...tools })
  await refresh()
  refreshing = setInterval(() => refresh().catch(() => {}), 3000)
  openFromAddress()
}

function openFromAddress() {
  const wanted = location.hash.slice(1)
  if (wanted !== '' && wanted !== openId) attempt(() => open(wanted))
}

byId('skip').addEventListener('click', () => {
  const [question] = byId('questions').children
  const log = byId('session').hidden ? byId('output') : byId('log')
  ;(question ?? log).focus()
})
byId('more').addEventListener('click', () => attempt(older))
byId('abort').addEventListener('click', () =>
  attempt(async () => {
    const id = openId
    await post(`api/runs/${id}/abort`)
    await reload(id)
  }),
)
byId('retry').addEventListener('click', () =>
  attempt(async () => opened(await post(`api/runs/${openId}/retry`))),
)
byId('resume').addEventListener('submit', (event) => {
  event.preventDefault()
  const { prompt } = event.target.elements
  const body = prompt.value.trim() === '' ? {} : { prompt: prompt.value }
  attempt(async () => {
    const answer = await post(`api/runs/${openId}/resume`, body)
    prompt.value = ''
    await opened(answer)
  })
})
byId('token-login').addEventListener('submit', (event) => {
  event.preventDefault()
  const { token } = event.target.elements
  attempt(async () => {
    const code = await codeOfToken(token.value.trim())
    // The token stays out of the history, of the storage and of the form.
    token.value = ''
    location.href = `login?code=${encodeURIComponent(code)}`
  })
})
byId('logout').addEventListener('click', () =>
  attempt(async () => {
    await post('api/logout')
    location.reload()
  }),
)
whenLoggedOut(showLogin)
addEventListener('hashchange', openFromAddress)
attempt(begin).then(() => {
  // The login notice already says that nobody is logged in.
  if (!byId('login').hidden) byId('problem').hidden = true
})
