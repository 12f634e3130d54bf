// Shows a session live. Updates the page once per animation frame, and only where something changed.
import { withoutEscapes } from './output.js'

const parts = (id) => document.getElementById(id)

/** Shows `log` in the page. Allow and Deny call `answer(id, decision, message)`. */
export function newSessionView(log, { answer, note, announce }) {
  const [list, questions] = [parts('log'), parts('questions')]
  const elements = new Map()
  const cards = new Map()
  // The newest entry stays visible until the reader scrolls up, even if the list gets smaller.
  let atEnd = true
  let top = 0
  const toEnd = () => {
    if (!atEnd) return
    list.scrollTop = list.scrollHeight
    top = list.scrollTop
  }
  const scrolled = () => {
    const left = list.scrollHeight - list.scrollTop - list.clientHeight
    // A smaller list is also farther from its end. Only scrolling up means that the reader left the end.
    if (left < 60) atEnd = true
    else if (list.scrollTop < top) atEnd = false
    top = list.scrollTop
  }
  const room = new ResizeObserver(toEnd)
  list.addEventListener('scroll', scrolled)
  room.observe(list)
  let waiting = false
  let closed = false
  list.replaceChildren()
  questions.replaceChildren()

  const draw = () => {
    waiting = false
    if (closed) return
    for (const entry of log.changed) {
      const known = elements.get(entry)
      const element = known ?? newEntry(entry)
      if (known === undefined) {
        elements.set(entry, element)
        list.append(element)
      }
      fill(element, entry)
    }
    log.changed.clear()
    const kept = new Set(log.entries)
    for (const [entry, element] of elements) {
      // The oldest entries are dropped first: after the first one that stays, all stay.
      if (kept.has(entry)) break
      element.remove()
      elements.delete(entry)
    }
    if (log.dropped() > 0)
      note(`Showing the newest entries. The ${log.dropped()} before them are in the log.`)
    drawQuestions()
    toEnd()
  }

  const drawQuestions = () => {
    for (const [id, card] of cards) {
      if (log.questions.has(id)) continue
      const hadFocus = card.contains(document.activeElement)
      card.remove()
      cards.delete(id)
      if (hadFocus) (questions.querySelector('button') ?? list).focus()
    }
    for (const [id, question] of log.questions) {
      if (cards.has(id)) continue
      const card = newCard(question, answer)
      cards.set(id, card)
      questions.append(card)
      announce(`The agent asks to run ${question.tool}: ${question.reason}`)
    }
    questions.hidden = cards.size === 0
  }
  return {
    changed() {
      if (!waiting) requestAnimationFrame(draw)
      waiting = true
    },
    close() {
      closed = true
      room.disconnect()
      list.removeEventListener('scroll', scrolled)
      questions.hidden = true
    },
  }
}

function newEntry({ kind, inside }) {
  const isCall = kind === 'call'
  const element = make(isCall ? 'details' : 'div', `entry ${kind}${inside ? ' inside' : ''}`)
  if (!isCall) {
    element.append('')
    return element
  }
  const summary = make('summary')
  summary.append(make('b'), make('code'), make('span', 'how'))
  element.append(summary, make('pre'))
  element.open = true
  return element
}

function fill(element, entry) {
  if (entry.kind !== 'call') {
    const node = element.firstChild
    // Append to a growing text, so that a selection in it survives.
    if (entry.text.startsWith(node.data)) node.appendData(entry.text.slice(node.data.length))
    else node.data = entry.text
    return
  }
  const [tool, what, how] = element.firstElementChild.children
  const result = element.lastElementChild
  tool.textContent = entry.tool
  what.textContent = entry.text
  how.textContent = entry.state
  element.classList.toggle('failed', entry.state === 'failed')
  result.textContent = withoutEscapes(entry.result ?? '').trim()
  result.hidden = result.textContent === ''
}

function newCard({ approvalId, tool, full, reason, expiresAt, agentId }, answer) {
  const card = make('section', 'question')
  const title = make('h3', '', `${agentId ? 'A subagent' : 'The agent'} asks to run ${tool}`)
  title.id = `asks-${approvalId}`
  card.tabIndex = -1
  card.setAttribute('aria-labelledby', title.id)
  const until = new Date(expiresAt)
  const when =
    until.toDateString() === new Date().toDateString() ? until.toLocaleTimeString() : until.toLocaleString()
  const label = make('label', '', 'Message to the agent (with Deny) ')
  const message = make('input')
  message.maxLength = 4096
  label.append(message)
  const buttons = ['allow', 'deny'].map((decision) => {
    const button = make('button', decision, decision === 'allow' ? 'Allow' : 'Deny')
    button.type = 'button'
    button.addEventListener('click', async () => {
      // A disabled button loses the focus: move it to the question.
      card.focus()
      for (const one of buttons) one.disabled = true
      const done = await answer(approvalId, decision, message.value.trim())
      for (const one of buttons) one.disabled = done
      if (!done && document.activeElement === card) button.focus()
    })
    return button
  })
  const row = make('div', 'row')
  row.append(...buttons, label)
  card.append(
    title,
    make('pre', '', full),
    make('p', '', `${reason} Without an answer by ${when}, the call is denied.`),
    row,
  )
  return card
}

function make(name, className = '', text = '') {
  const element = document.createElement(name)
  if (className !== '') element.className = className
  if (text !== '') element.textContent = text
  return element
}
