// Turns the events of a session into a bounded list of entries. Knows nothing of the page.
//
// A text arrives twice: as deltas while the model writes, and whole when its block is done. The whole text
// replaces the streamed one, even if the request to the model was repeated halfway.

const [shownEntries, entryLength] = [600, 60_000]
const demoModel = 'scripted-demo-model'
/** Fields of a tool's input, the most informative first. */
const telling = ['command', 'file_path', 'notebook_path', 'url', 'query', 'pattern', 'description', 'skill']

export function newSessionLog() {
  const entries = []
  const changed = new Set()
  const questions = new Map()
  const calls = new Map()
  let streamed = []
  let model = null
  let cwd = null
  let dropped = 0

  const add = (kind, text, more = {}) => {
    const entry = { kind, text: cut(text), ...more }
    entries.push(entry)
    changed.add(entry)
    if (entries.length > shownEntries) drop(entries.shift())
    return entry
  }
  const drop = (entry) => {
    dropped++
    changed.delete(entry)
    if (entry.id !== undefined) calls.delete(entry.id)
  }
  const change = (entry, values) => {
    Object.assign(entry, values)
    if (entries.includes(entry)) changed.add(entry)
  }
  const named = (name) => {
    // `<synthetic>` is the SDK itself.
    if (!name || name === model || name.startsWith('<')) return
    model = name
    add('note', name === demoModel ? 'Scripted demo model: a fixed script, not an AI' : `Model ${name}`)
  }

  function delta({ parent_tool_use_id: parent, event }) {
    if (parent) return
    if (event.type === 'message_start') {
      streamed = []
      named(event.message?.model)
    } else if (event.type === 'content_block_start') {
      const { type } = event.content_block ?? {}
      if (type === 'text' || type === 'thinking') streamed.push({ type, text: '', entry: null })
    } else if (event.type === 'content_block_delta') {
      const last = streamed.at(-1)
      const added = event.delta?.[last?.type]
      if (last === undefined || typeof added !== 'string') return
      last.text += added
      if (last.entry === null) last.entry = add(last.type, last.text)
      else change(last.entry, { text: cut(last.text) })
    }
  }

  function whole(type, text, inside) {
    const index = inside ? -1 : streamed.findIndex((one) => one.type === type)
    const [known] = index < 0 ? [] : streamed.splice(index, 1)
    if (known?.entry) change(known.entry, { text: cut(text) })
    else if (text !== '') add(type, text, { inside })
  }

  function assistant({ parent_tool_use_id: parent, message }) {
    const inside = Boolean(parent)
    if (!inside) named(message.model)
    for (const block of blocksOf(message.content)) {
      if (block.type === 'text') whole('text', block.text ?? '', inside)
      if (block.type === 'thinking') whole('thinking', block.thinking ?? '', inside)
      if (block.type !== 'tool_use') continue
      const what = lineOf(block.input, cwd)
      calls.set(
        block.id,
        add('call', what, { id: block.id, tool: block.name, state: 'running', result: null, inside }),
      )
    }
  }

  function results({ message }) {
    for (const block of blocksOf(message.content)) {
      if (block.type !== 'tool_result') continue
      const call = calls.get(block.tool_use_id)
      const result = cut(textOf(block.content))
      if (call !== undefined) change(call, { result, state: block.is_error === true ? 'failed' : 'done' })
    }
  }

  function ended({ subtype, is_error: isError, num_turns: turns, total_cost_usd: cost, ...rest }) {
    const failed = isError || subtype !== 'success'
    const why = failed ? [subtype === 'success' ? rest.result : subtype, ...(rest.errors ?? [])] : []
    const facts = [
      turns === undefined ? '' : `${turns} ${turns === 1 ? 'turn' : 'turns'}`,
      cost === undefined ? '' : `$${cost.toFixed(cost > 0 && cost < 0.1 ? 4 : 2)}`,
      rest.duration_ms === undefined ? '' : `${(rest.duration_ms / 1000).toFixed(1)} s`,
    ]
    add(failed ? 'failure' : 'note', [...why, ...facts].filter(Boolean).join(' · '))
  }

  const asks = (id, isAsked) => {
    const call = calls.get(id)
    if (call?.result === null) change(call, { state: isAsked ? 'asks' : 'running' })
  }

  function requested(question) {
    asks(question.toolUseId, true)
    questions.set(question.approvalId, { ...question, full: fullOf(question.input) })
  }

  function resolved({ approvalId, decision, by, user, message }) {
    const question = questions.get(approvalId)
    questions.delete(approvalId)
    asks(question?.toolUseId, false)
    const what = question ? `${question.tool} ${lineOf(question.input, cwd)}` : 'a call'
    const who =
      { person: `by ${user}`, expiry: 'because nobody answered in time' }[by] ?? 'because the run ended'
    const answer = decision === 'allow' ? 'Allowed' : 'Denied'
    add(
      decision === 'allow' ? 'note' : 'failure',
      `${answer} ${who}: ${what}${message ? `\n${message}` : ''}`,
    )
  }

  const takers = {
    system: (message) => {
      if (message.subtype === 'init') cwd = message.cwd
      if (message.subtype === 'api_retry')
        add('note', `The model's API failed. Retrying (attempt ${message.attempt}).`)
    },
    stream_event: delta,
    assistant,
    user: results,
    result: ended,
    'permission:requested': requested,
    'permission:resolved': resolved,
    'permission:denied': ({ tool, input, reason }) =>
      add('failure', `Denied by the policy: ${tool} ${lineOf(input, cwd)}\n${reason}`),
  }
  return {
    /** The entries to show, oldest first. */
    entries,
    /** The entries that are new or changed. The caller empties it after showing them. */
    changed,
    /** Open approvals by their id, oldest first. */
    questions,
    take: (type, data) => takers[type]?.(data),
    say: add,
    /** Closes all questions, and marks the calls that have no result. */
    end() {
      questions.clear()
      for (const call of calls.values()) if (call.result === null) change(call, { state: 'not finished' })
    },
    dropped: () => dropped,
    isDemo: () => model === demoModel,
  }
}

/** Types of the events that a log is built from. */
export const sessionTypes = [
  ...['system', 'assistant', 'user', 'result'],
  ...['permission:requested', 'permission:resolved', 'permission:denied'],
]

function blocksOf(content) {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
}

function textOf(content) {
  return blocksOf(content)
    .map((part) => part.text ?? `(${part.type})`)
    .join('\n')
}

function lineOf(input, cwd) {
  const name = telling.find((one) => typeof input?.[one] === 'string')
  const what = name === undefined ? JSON.stringify(input ?? {}) : input[name]
  const short = cwd && what.startsWith(`${cwd}/`) ? what.slice(cwd.length + 1) : what
  const [line, ...others] = short.split('\n')
  return line.length > 200 ? `${line.slice(0, 199)}…` : others.length > 0 ? `${line} …` : line
}

/** Everything that would run. Invisible characters are shown by their number. */
function fullOf({ command, ...others } = {}) {
  const rest = Object.keys(others).length === 0 ? [] : [JSON.stringify(others, null, 2)]
  const text =
    typeof command === 'string'
      ? [command, ...rest].join('\n')
      : JSON.stringify({ command, ...others }, null, 2)
  return text.replace(
    /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (one) => `\\u{${one.codePointAt(0).toString(16)}}`,
  )
}

function cut(text) {
  if (text.length <= entryLength) return text
  return `${text.slice(0, entryLength)}\n… ${text.length - entryLength} more characters are in the log`
}
