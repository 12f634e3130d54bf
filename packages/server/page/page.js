// The plain page: a list of runs and the live output of one. It knows the server only by its public
// HTTP faces, as any other client does.
import { newOutput } from './output.js'
import { newRunList, stateOf } from './run-list.js'

const byId = (id) => document.getElementById(id)

// --- the server -----------------------------------------------------------------------------------

async function api(path, options = {}) {
  const headers = { Accept: 'application/json', ...options.headers }
  const response = await fetch(path, { ...options, headers }).catch(() => {
    throw new Error('The server does not answer.')
  })
  if (response.status === 401) showLogin()
  const body = response.status === 204 ? null : await response.json()
  if (!response.ok) throw new Error(body?.detail ?? `The server answered ${response.status}.`)
  return body
}

function post(path, body) {
  if (body === undefined) return api(path, { method: 'POST' })
  const headers = { 'Content-Type': 'application/json' }
  return api(path, { method: 'POST', body: JSON.stringify(body), headers })
}

let refreshing

function showLogin() {
  clearInterval(refreshing)
  source?.close()
  byId('login').hidden = false
  byId('app').hidden = true
  byId('logout').hidden = true
}

/** Does what a click asks for, and says so when it cannot be done. */
async function attempt(action) {
  const problem = byId('problem')
  problem.hidden = true
  try {
    await action()
  } catch (error) {
    problem.textContent = error.message
    problem.hidden = false
  }
}

// --- the list -------------------------------------------------------------------------------------

const runs = new Map()
const list = newRunList(byId('runs'), (id) => attempt(() => open(id)))
let openId = null
/** Undefined until the first page has come, null when there are no older runs. */
let nextCursor

async function refresh() {
  const page = await api('api/runs?limit=50')
  for (const run of page.runs) runs.set(run.id, run)
  if (nextCursor === undefined) nextCursor = page.nextCursor
  drawList()
}

async function older() {
  const page = await api(`api/runs?limit=50&cursor=${encodeURIComponent(nextCursor)}`)
  for (const run of page.runs) runs.set(run.id, run)
  nextCursor = page.nextCursor
  drawList()
}

function drawList() {
  const sorted = [...runs.values()].sort((a, b) => b.createdAt - a.createdAt)
  list.draw(sorted, openId)
  byId('no-runs').hidden = sorted.length > 0
  byId('more').hidden = !nextCursor
}

// --- one run --------------------------------------------------------------------------------------

let source = null
let output = null

function leave() {
  source?.close()
  output?.close()
}

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
  byId('end').hidden = true
  byId('cut').hidden = true
  byId('connection').textContent = ''
  drawList()
  drawDetail(run)
  follow(id)
}

function drawDetail(run) {
  const { label, look } = stateOf(run)
  byId('title').textContent = run.spec.tool ?? run.kind
  byId('state').textContent = label
  byId('state').className = `state ${look}`
  byId('facts').textContent = [run.project, run.owner, new Date(run.createdAt).toLocaleString(), run.id]
    .filter(Boolean)
    .join(' · ')
  const over = run.finishedAt !== null
  byId('abort').hidden = over
  byId('retry').hidden = !over
}

function follow(id) {
  // Opened twice before the first answer came, a run would be shown twice.
  leave()
  const stream = new EventSource(`api/runs/${encodeURIComponent(id)}/events`)
  let pane = newOutput(byId('output'), note)
  source = stream
  output = pane
  const connection = byId('connection')
  stream.addEventListener('open', () => {
    connection.textContent = ''
  })
  stream.addEventListener('run:started', () => reload(id))
  stream.addEventListener('output', ({ data }) => {
    const { line, stream: from } = JSON.parse(data)
    pane.add(line, from)
  })
  // The log follows from its first event: what is shown already would come a second time.
  stream.addEventListener('reset', ({ data }) => {
    pane.close()
    pane = newOutput(byId('output'), note)
    output = pane
    const { firstSeq } = JSON.parse(data)
    byId('cut').hidden = true
    if (firstSeq > 1) note(`The server no longer has the events before ${firstSeq}.`)
  })
  stream.addEventListener('complete', ({ data }) => ended(id, completeText(JSON.parse(data))))
  // A job's own event is called `error`, as is what an EventSource says when the connection breaks.
  stream.addEventListener('error', (event) => {
    if (event instanceof MessageEvent) ended(id, JSON.parse(event.data).message)
    else if (stream.readyState === EventSource.CONNECTING)
      connection.textContent = 'Connection lost, trying again…'
    else reload(id)
  })
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
  if (limit !== undefined) return `passed its limit of ${limit} and was ended`
  return signal === null ? `exited with ${exitCode}` : `was ended by ${signal}`
}

async function ended(id, text) {
  if (openId === id) {
    source?.close()
    byId('connection').textContent = ''
    byId('end').textContent = text
    byId('end').hidden = false
  }
  await reload(id)
}

async function reload(id) {
  await attempt(async () => {
    const { run } = await api(`api/runs/${encodeURIComponent(id)}`)
    runs.set(id, run)
    if (openId === id) drawDetail(run)
    drawList()
  })
}

// --- starting -------------------------------------------------------------------------------------

let catalogue = { tools: [] }

function drawTools() {
  const { project, tool } = byId('start').elements
  const fitting = catalogue.tools.filter(({ projects }) => projects.includes(project.value))
  tool.replaceChildren(...fitting.map(({ id, title }) => new Option(title, id)))
  drawArgs()
}

function drawArgs() {
  const chosen = catalogue.tools.find(({ id }) => id === byId('start').elements.tool.value)
  const fields = (chosen?.args ?? []).map(({ name, required }) => {
    const label = document.createElement('label')
    const input = document.createElement('input')
    const caption = document.createElement('span')
    Object.assign(input, { name: `arg:${name}`, required, autocomplete: 'off' })
    Object.assign(caption, { textContent: name, title: name })
    label.append(caption, input)
    return label
  })
  byId('args').replaceChildren(...fields)
}

async function start(form) {
  const args = {}
  for (const [name, value] of form) if (name.startsWith('arg:') && value !== '') args[name.slice(4)] = value
  const body = { kind: 'job', project: form.get('project'), tool: form.get('tool') }
  if (Object.keys(args).length > 0) body.args = args
  const { run } = await post('api/runs', body)
  runs.set(run.id, run)
  await open(run.id)
}

async function begin() {
  const server = await api('api/server')
  byId('who').textContent = `${server.user} · ${server.version}`
  byId('logout').hidden = false
  if (server.sandbox.warnings.length > 0) {
    byId('banner').textContent = server.sandbox.warnings.join('\n')
    byId('banner').hidden = false
  }
  const [{ projects }, tools] = await Promise.all([api('api/projects'), api('api/tools')])
  catalogue = tools
  byId('app').hidden = false
  byId('start').elements.project.replaceChildren(...projects.map(({ id }) => new Option(id, id)))
  drawTools()
  await refresh()
  refreshing = setInterval(() => refresh().catch(() => {}), 3000)
  openFromAddress()
}

function openFromAddress() {
  const wanted = location.hash.slice(1)
  if (wanted !== '' && wanted !== openId) attempt(() => open(wanted))
}

byId('start').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(() => start(new FormData(event.target)))
})
byId('start').elements.project.addEventListener('change', drawTools)
byId('start').elements.tool.addEventListener('change', drawArgs)
byId('more').addEventListener('click', () => attempt(older))
byId('abort').addEventListener('click', () =>
  attempt(async () => {
    const id = openId
    await post(`api/runs/${id}/abort`)
    await reload(id)
  }),
)
byId('retry').addEventListener('click', () =>
  attempt(async () => {
    const { run } = await post(`api/runs/${openId}/retry`)
    runs.set(run.id, run)
    await open(run.id)
  }),
)
byId('logout').addEventListener('click', () =>
  attempt(async () => {
    await post('api/logout')
    location.reload()
  }),
)
addEventListener('hashchange', openFromAddress)
attempt(begin).then(() => {
  // Not being logged in is no problem, and said elsewhere.
  if (!byId('login').hidden) byId('problem').hidden = true
})
