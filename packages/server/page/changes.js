// Shows what a session did, once it is over: its files with a diff each, and how many commands it ran.
import { api } from './api.js'

const marks = { added: 'A', modified: 'M', deleted: 'D' }
const signs = { '+': 'added', '-': 'removed', '@': 'place' }

const section = () => document.getElementById('changes')

export function hideChanges() {
  section().hidden = true
  section().replaceChildren()
}

/** Shows the changes of a run while `isOpen()`. What cannot be read is not shown: the log has everything. */
export async function showChanges(path, isOpen) {
  const changes = await api(`${path}/changes`).catch(() => null)
  if (changes === null || !isOpen()) return
  const sum = inLine(changes)
  if (sum === '') return
  const title = make('summary', '', sum)
  const list = make('details')
  list.append(title, ...changes.files.map(fileElement))
  if (changes.filesLeftOut > 0) list.append(make('p', 'soft', `${changes.filesLeftOut} more files changed.`))
  if (!changes.complete) list.append(make('p', 'soft', 'The log is not complete: there may be more.'))
  section().replaceChildren(list)
  section().hidden = false
}

function inLine({ files, filesLeftOut, commands, commandsLeftOut }) {
  const count = (number, what) => `${number} ${what}${number === 1 ? '' : 's'}`
  const sum = (name) => files.reduce((total, file) => total + file[name], 0)
  const failed = commands.filter(({ status }) => status === 'error').length
  const [fileCount, commandCount] = [files.length + filesLeftOut, commands.length + commandsLeftOut]
  return [
    fileCount === 0 ? '' : `${count(fileCount, 'file')} changed (+${sum('additions')} −${sum('deletions')})`,
    commandCount === 0 ? '' : `${count(commandCount, 'command')}${failed === 0 ? '' : ` (${failed} failed)`}`,
  ]
    .filter((part) => part !== '')
    .join(', ')
}

function fileElement({ path, status, additions, deletions, diff }) {
  const summary = make('summary')
  const name = make('code', '', path)
  summary.append(make('b', '', marks[status]), name, make('span', 'soft', `+${additions} −${deletions}`))
  summary.setAttribute('aria-label', `${path}, ${status}, ${additions} lines added, ${deletions} removed`)
  const element = make('details', 'file')
  element.append(summary)
  // The lines of a diff are made when it is opened: there may be thousands.
  element.addEventListener('toggle', () => element.append(diffElement(diff)), { once: true })
  return element
}

function diffElement(diff) {
  if (diff === '') return make('p', 'soft', 'The changed lines are not known.')
  const lines = make('pre')
  lines.append(...diff.split('\n').map((line) => make('span', signs[line[0]] ?? '', `${line}\n`)))
  return lines
}

function make(name, className = '', text = '') {
  const element = document.createElement(name)
  if (className !== '') element.className = className
  if (text !== '') element.textContent = text
  return element
}
