// The output of one run: lines are put into the page once a frame, and only the last ones stay there.

const shownLines = 5000

/** Begins an empty output in `element`; `note` is told how many lines it no longer shows. */
export function newOutput(element, note) {
  element.replaceChildren()
  let waiting = []
  let dropped = 0
  let closed = false

  const flush = () => {
    if (closed) return
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40
    element.append(...waiting.splice(0).map(lineElement))
    while (element.childElementCount > shownLines) {
      element.firstElementChild.remove()
      dropped++
    }
    if (dropped > 0) note(`Showing the last ${shownLines} lines; ${dropped} earlier ones are in the log.`)
    if (atEnd) element.scrollTop = element.scrollHeight
  }
  return {
    add(line, from) {
      if (waiting.length === 0) requestAnimationFrame(flush)
      waiting.push({ line, from })
      // A page in the background has no frames: what it could not show anyway is not kept for it.
      if (waiting.length < 2 * shownLines) return
      waiting = waiting.slice(-shownLines)
      dropped += shownLines
    },
    /** Nothing of this run is shown any more. */
    close() {
      closed = true
    },
  }
}

function lineElement({ line, from }) {
  const element = document.createElement('span')
  element.className = from
  element.textContent = `${withoutEscapes(line)}\n`
  return element
}

// Colours and cursor movements of terminals (ECMA-48 control sequences) mean nothing here.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g
export const withoutEscapes = (line) => line.replace(escapes, '')
