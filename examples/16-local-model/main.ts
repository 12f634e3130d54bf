/**
 * Gives a task to an agent on a local model and prints what it does: the plan, its phases, the tools.
 *
 * Usage: MILLRACE_TOKEN=… node main.ts PROJECT "TASK"
 */
import { createClient } from '@millrace/client'

const [project = '', task = ''] = process.argv.slice(2)
const client = createClient({
  url: process.env.MILLRACE_URL ?? 'http://127.0.0.1:4000',
  token: process.env.MILLRACE_TOKEN,
})

const run = await client.start({ kind: 'execution', project, task, model: 'openai-compatible:local' })

let isInText = false
function print(line: string): void {
  console.log(isInText ? `\n${line}` : line)
  isInText = false
}

// An execution says what it does in a few typed events, whatever model is behind it.
for await (const { type, data } of client.follow(run.id, { kind: 'execution' })) {
  switch (type) {
    case 'plan:created':
    case 'plan:updated':
      print(`plan: ${data.plan.goal}`)
      for (const phase of data.plan.phases) print(`  - ${phase.name}`)
      break
    case 'phase:start':
      print(`\n${data.phaseName}`)
      break
    case 'thinking':
      print(`  (${data.thought})`)
      break
    case 'text:delta':
      process.stdout.write(data.text)
      isInText = true
      break
    case 'tool:start':
      print(`  > ${data.toolName} ${JSON.stringify(data.params)}`)
      break
    case 'tool:complete':
      print(`  < ${data.toolName}: ${data.status}, ${data.duration} ms`)
      break
    case 'execution:complete':
      print(`\n${data.tokensUsed} tokens`)
      break
    case 'execution:error':
      console.error(`${data.code}: ${data.error}`)
      process.exitCode = 1
      break
  }
}
