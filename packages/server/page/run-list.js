// The list of runs. It reuses its elements from one drawing to the next, so that neither the focus nor a
// half-finished click is lost.

/** The state of a run in a word, and the style of that word. */
export function stateOf(run) {
  if (run.state !== 'completed') return { label: run.state, look: run.state }
  if (run.outcome === 'success') return { label: run.kind === 'job' ? 'ok' : 'completed', look: 'ok' }
  const { exitCode, signal, timedOut, limit } = run.result ?? {}
  if (timedOut) return { label: 'timed out', look: 'failed' }
  if (limit === 'protected') return { label: 'protected files', look: 'failed' }
  if (limit !== undefined) return { label: `${limit} limit`, look: 'failed' }
  return { label: signal ?? `exit ${exitCode}`, look: 'failed' }
}

/** The name of a run: its tool, or the first line of its prompt. */
export function nameOf({ kind, spec }) {
  if (spec.tool !== undefined) return spec.tool
  if (spec.title !== undefined) return spec.title
  return typeof spec.prompt === 'string' ? spec.prompt.trim().split('\n')[0].slice(0, 120) : kind
}

/** A list in `element`. Calls `open` with the id of the chosen run. */
export function newRunList(element, open) {
  const items = new Map()

  const itemOf = (run) => {
    const known = items.get(run.id)
    if (known !== undefined) return known
    const [button, item] = [document.createElement('button'), document.createElement('li')]
    button.type = 'button'
    button.append(...['tool', 'state', 'when', 'took'].map(span))
    button.addEventListener('click', () => open(run.id))
    item.append(button)
    items.set(run.id, item)
    return item
  }
  return {
    /** Takes `runs` newest first. */
    draw(runs, openId) {
      const shown = new Set(runs.map(({ id }) => id))
      for (const [id, item] of items) if (!shown.has(id)) item.remove()
      for (const [index, run] of runs.entries()) {
        const item = itemOf(run)
        fill(item.firstElementChild, run, run.id === openId)
        if (element.children[index] !== item) element.insertBefore(item, element.children[index] ?? null)
      }
    },
  }
}

function fill(button, run, isOpen) {
  const { label, look } = stateOf(run)
  const [tool, state, when, took] = button.children
  button.setAttribute('aria-current', String(isOpen))
  tool.textContent = nameOf(run)
  state.textContent = label
  state.className = `state ${look}`
  when.textContent = `${run.project ?? ''} · ${shortTime(run.createdAt)}`
  took.textContent = durationOf(run)
}

function shortTime(at) {
  const date = new Date(at)
  const today = date.toDateString() === new Date().toDateString()
  return today
    ? date.toLocaleTimeString()
    : date.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' })
}

function durationOf(run) {
  if (run.startedAt === null) return ''
  const ms = Math.max((run.finishedAt ?? Date.now()) - run.startedAt, 0)
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`
}

function span(className) {
  const element = document.createElement('span')
  element.className = className
  return element
}
