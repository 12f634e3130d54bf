/**
 * A conversation with an agent: it stays open between its turns, and hears from people while it works.
 *
 * Usage: MILLRACE_TOKEN=… node main.ts PROJECT
 */
import { createClient } from '@millrace/client'

const [project = ''] = process.argv.slice(2)
const client = createClient({
  url: process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000',
  token: process.env.MILLRACE_TOKEN,
})

const run = await client.start({
  kind: 'session',
  project,
  prompt: 'Look at the tests, and then wait for me.',
  interactive: true,
  idleSeconds: 120,
})

/** What is said when the agent waits, one after the other. */
const later = ['Now run them. It takes a while.', 'Thank you. What did you do?']
let interrupted = false

for await (const { type, data } of client.follow(run.id, { kind: 'session' })) {
  switch (type) {
    case 'message:queued':
      console.log(`${data.user} (${data.mode}): ${data.text}`)
      break
    case 'assistant':
      for (const { kind, text } of said(data)) console.log(`agent ${kind}: ${text}`)
      // The second turn runs a command that takes ten minutes. Nobody waits for that.
      if (!interrupted && said(data).some(({ text }) => text.includes('sleep 600'))) {
        interrupted = true
        await client.say(run.id, { text: 'Stop, that takes too long.', mode: 'interrupt' })
      }
      break
    case 'session:idle': {
      const text = later.shift()
      if (text === undefined) await client.finish(run.id)
      else await client.say(run.id, { text })
      break
    }
    case 'completed':
      console.log('completed')
  }
}

interface Said {
  kind: 'says' | 'runs'
  text: string
}

/** Texts and commands in a message of the agent. */
function said({ message }: Record<string, unknown>): Said[] {
  const { content } = message as { content: { type: string; text?: string; input?: { command?: string } }[] }
  return content.flatMap(({ type, text = '', input }): Said[] => {
    if (type === 'text') return [{ kind: 'says', text }]
    return type === 'tool_use' ? [{ kind: 'runs', text: input?.command ?? '' }] : []
  })
}
