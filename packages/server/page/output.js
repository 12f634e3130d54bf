// Shows the output of one run. Adds lines once per animation frame, and keeps only the last ones in the page.

const shownLines = 5000

/** Starts an empty output in `element`. Calls `note` with a text when it no longer shows all lines. */
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
    if (dropped > 0) note(`Showing the last ${shownLines} lines. The ${dropped} before them are in the log.`)
    if (atEnd) element.scrollTop = element.scrollHeight
  }
  return {
    add(line, from) {
      if (waiting.length === 0) requestAnimationFrame(flush)
      waiting.push({ line, from })
      // A page in the background has no frames. Drop the lines it would not show anyway.
      if (waiting.length < 2 * shownLines) return
      waiting = waiting.slice(-shownLines)
      dropped += shownLines
    },
    /** Stops showing this run. */
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

// Terminal colours and cursor movements (ECMA-48 control sequences) mean nothing here.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g
export const withoutEscapes = (line) => line.replace(escapes, '')
