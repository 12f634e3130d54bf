// The two forms that start a run: a tool and an agent session.

const demoPrompt = 'Fix the failing test'

/** Names of tools that run until they are stopped, or that reach further than the project. */
const lasting =
  /(?:^|[:/.-])(?:start|serve|server|dev|develop|watch|preview|storybook|up|deploy|release|publish)$/

/** Calls `started` with the body of the request that starts the run. */
export function newStartForms({ start, ask, args }, started) {
  let tools = []
  let agent = null

  const drawTools = () => {
    const { project, tool } = start.elements
    const fitting = tools.filter(({ projects }) => projects.includes(project.value))
    tool.replaceChildren(...fitting.map(({ id, title }) => new Option(title, id)))
    // The first click must not start a server, least of all this one.
    const harmless = fitting.find(({ id }) => !lasting.test(id))
    if (harmless !== undefined) tool.value = harmless.id
    else if (fitting.length > 0) tool.prepend(new Option('Choose a tool', '', true, true))
    drawArgs()
  }
  const drawArgs = () => {
    const chosen = tools.find(({ id }) => id === start.elements.tool.value)
    args.replaceChildren(...(chosen?.args ?? []).map(argField))
  }
  /** Proposes the one task of the demo project. Keeps a prompt that somebody typed. */
  const drawPrompt = () => {
    const { project, prompt } = ask.elements
    const proposed = agent?.demo && project.value === 'demo' ? demoPrompt : ''
    if (prompt.value === '' || prompt.value === demoPrompt) prompt.value = proposed
  }
  const drawAgent = () => {
    ask.hidden = agent === null
    if (agent === null) return
    const { available, demo, reason } = agent
    ask.querySelector('h2').textContent = demo ? 'Agent session (scripted demo model)' : 'Agent session'
    const note = ask.querySelector('p')
    note.textContent = available ? '' : (reason ?? 'This server cannot start a session now.')
    note.hidden = available
    for (const field of ask.elements) field.disabled = !available
    drawPrompt()
  }

  start.addEventListener('submit', (event) => {
    event.preventDefault()
    started(jobOf(new FormData(start)))
  })
  ask.addEventListener('submit', (event) => {
    event.preventDefault()
    started(sessionOf(new FormData(ask)))
  })
  start.elements.project.addEventListener('change', drawTools)
  start.elements.tool.addEventListener('change', drawArgs)
  ask.elements.project.addEventListener('change', drawPrompt)
  return {
    /** Fills the forms with the projects, tools and agent that the server offers. */
    offer(catalogue) {
      tools = catalogue.tools
      agent = catalogue.agent ?? null
      for (const form of [start, ask]) {
        form.elements.project.replaceChildren(...catalogue.projects.map(({ id }) => new Option(id, id)))
      }
      if (agent?.demo && catalogue.projects.some(({ id }) => id === 'demo'))
        ask.elements.project.value = 'demo'
      start.hidden = tools.length === 0 && agent !== null
      drawTools()
      drawAgent()
    },
  }
}

function argField({ name, required }) {
  const label = document.createElement('label')
  const input = document.createElement('input')
  const caption = document.createElement('span')
  Object.assign(input, { name: `arg:${name}`, required, autocomplete: 'off' })
  Object.assign(caption, { textContent: name, title: name })
  label.append(caption, input)
  return label
}

function jobOf(form) {
  const args = {}
  for (const [name, value] of form) if (name.startsWith('arg:') && value !== '') args[name.slice(4)] = value
  const body = { kind: 'job', project: form.get('project'), tool: form.get('tool') }
  return Object.keys(args).length > 0 ? { ...body, args } : body
}

function sessionOf(form) {
  const body = { kind: 'session', project: form.get('project'), prompt: form.get('prompt') }
  const approvals = form.get('approvals')
  return approvals === '' ? body : { ...body, approvals }
}
