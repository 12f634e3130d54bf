// The plain page: a list of runs and the live output of one. It knows the server only by its public
// HTTP faces, as any other client does.

const byId = (id) => document.getElementById(id)
const shownLines = 5000

async function api(path, options = {}) {
  const response = await fetch(path, {
    headers: { Accept: 'application/json', ...options.headers },
    ...options,
  })
  if (response.status === 401) showLogin()
  const body = response.status === 204 ? null : await response.json()
  if (!response.ok) throw new Error(body?.detail ?? `The server answered ${response.status}`)
  return body
}

function showLogin() {
  byId('login').hidden = false
  byId('app').hidden = true
}

// --- the list -------------------------------------------------------------------------------------

const runs = new Map()
let openId = null
let nextCursor = null
let catalogue = { tools: [] }

async function refresh() {
  const page = await api('api/runs?limit=50')
  for (const run of page.runs) runs.set(run.id, run)
  nextCursor ??= page.nextCursor
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
  byId('runs').replaceChildren(...sorted.map(listItem))
  byId('no-runs').hidden = sorted.length > 0
  byId('more').hidden = nextCursor === null
}

function listItem(run) {
  const button = document.createElement('button')
  button.type = 'button'
  button.setAttribute('aria-current', String(run.id === openId))
  const { label, look } = stateOf(run)
  button.append(
    part('span', 'tool', run.spec.tool ?? run.kind),
    part('span', `state ${look}`, label),
    part('span', 'when', `${run.project ?? ''} · ${new Date(run.createdAt).toLocaleTimeString()}`),
    part('span', 'when', durationOf(run)),
  )
  button.addEventListener('click', () => open(run.id))
  const item = document.createElement('li')
  item.append(button)
  return item
}

function stateOf(run) {
  if (run.state !== 'completed') return { label: run.state, look: run.state }
  const { success = true, exitCode, signal, timedOut } = run.result ?? {}
  if (success) return { label: 'ok', look: 'ok' }
  if (timedOut) return { label: 'timed out', look: 'failed' }
  return { label: signal ?? `exit ${exitCode}`, look: 'failed' }
}

function durationOf(run) {
  if (run.startedAt === null) return ''
  const ms = (run.finishedAt ?? Date.now()) - run.startedAt
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`
}

function part(tag, className, text) {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

// --- one run --------------------------------------------------------------------------------------

let source = null

async function open(id) {
  source?.close()
  openId = id
  history.replaceState(null, '', `#${id}`)
  drawList()
  const { run } = await api(`api/runs/${id}`)
  if (openId !== id) return
  runs.set(id, run)
  byId('nothing-open').hidden = true
  byId('open').hidden = false
  byId('output').replaceChildren()
  byId('end').hidden = true
  byId('cut').hidden = true
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
  const stream = new EventSource(`api/runs/${id}/events`)
  source = stream
  const pane = newPane()
  const connection = byId('connection')
  stream.addEventListener('open', () => {
    connection.textContent = ''
  })
  stream.addEventListener('run:started', () => reload(id))
  stream.addEventListener('output', ({ data }) => {
    const { line, stream: from } = JSON.parse(data)
    pane.add(line, from)
  })
  stream.addEventListener('reset', ({ data }) => {
    pane.note(`The server no longer has the events before ${JSON.parse(data).firstSeq}.`)
  })
  stream.addEventListener('complete', ({ data }) => ended(id, completeText(JSON.parse(data))))
  // A job's own event is called `error`, as is what an EventSource says when the connection breaks.
  stream.addEventListener('error', (event) => {
    if (event instanceof MessageEvent) ended(id, JSON.parse(event.data).message)
    else if (stream.readyState === EventSource.CONNECTING)
      connection.textContent = 'Connection lost, trying again…'
  })
}

function completeText({ exitCode, signal, timedOut, durationMs, outputLines }) {
  const seconds = (durationMs / 1000).toFixed(1)
  const how = timedOut ? 'timed out' : signal === null ? `exited with ${exitCode}` : `was ended by ${signal}`
  return `The process ${how} after ${seconds} s and ${outputLines} lines.`
}

async function ended(id, text) {
  source?.close()
  byId('connection').textContent = ''
  byId('end').textContent = text
  byId('end').hidden = false
  await reload(id)
}

async function reload(id) {
  const { run } = await api(`api/runs/${id}`)
  runs.set(id, run)
  if (openId === id) drawDetail(run)
  drawList()
}

/** Lines are put into the page once a frame, and only the last ones stay there. */
function newPane() {
  const output = byId('output')
  let waiting = []
  let dropped = 0
  const flush = () => {
    const atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40
    output.append(...waiting.slice(-shownLines))
    dropped += Math.max(waiting.length - shownLines, 0)
    waiting = []
    while (output.childElementCount > shownLines) {
      output.firstElementChild.remove()
      dropped++
    }
    if (dropped > 0) note(`Showing the last ${shownLines} lines; ${dropped} earlier ones are in the log.`)
    if (atEnd) output.scrollTop = output.scrollHeight
  }
  const note = (text) => {
    byId('cut').textContent = text
    byId('cut').hidden = false
  }
  const add = (line, from) => {
    if (waiting.length === 0) requestAnimationFrame(flush)
    waiting.push(part('span', from, `${withoutEscapes(line)}\n`))
  }
  return { add, note }
}

// Colours and cursor movements of terminals (ECMA-48 control sequences) mean nothing here.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g
const withoutEscapes = (line) => line.replace(escapes, '')

// --- starting -------------------------------------------------------------------------------------

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
    Object.assign(input, { name: `arg:${name}`, required })
    label.append(`${name} `, input)
    return label
  })
  byId('args').replaceChildren(...fields)
}

async function start(event) {
  event.preventDefault()
  byId('start-problem').textContent = ''
  const form = new FormData(event.target)
  const args = {}
  for (const [name, value] of form) if (name.startsWith('arg:') && value !== '') args[name.slice(4)] = value
  const body = { kind: 'job', project: form.get('project'), tool: form.get('tool') }
  if (Object.keys(args).length > 0) body.args = args
  try {
    const { run } = await post('api/runs', body)
    runs.set(run.id, run)
    await open(run.id)
  } catch (error) {
    byId('start-problem').textContent = error.message
  }
}

function post(path, body) {
  return api(path, {
    method: 'POST',
    ...(body === undefined
      ? {}
      : {
          body: JSON.stringify(body),
          headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
        }),
  })
}

async function begin() {
  const server = await api('api/server')
  byId('who').textContent = `${server.user} · ${server.version}`
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
  const wanted = location.hash.slice(1)
  if (wanted !== '') await open(wanted)
  setInterval(() => refresh().catch(() => {}), 3000)
}

byId('start').addEventListener('submit', start)
byId('start').elements.project.addEventListener('change', drawTools)
byId('start').elements.tool.addEventListener('change', drawArgs)
byId('more').addEventListener('click', older)
byId('abort').addEventListener('click', async () => {
  await post(`api/runs/${openId}/abort`)
  await reload(openId)
})
byId('retry').addEventListener('click', async () => {
  const { run } = await post(`api/runs/${openId}/retry`)
  runs.set(run.id, run)
  await open(run.id)
})
begin().catch((error) => {
  if (byId('login').hidden) {
    byId('banner').textContent = error.message
    byId('banner').hidden = false
  }
})
