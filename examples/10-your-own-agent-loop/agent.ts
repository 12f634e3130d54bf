/** An agent loop of your own. This one is a script, not an AI: it counts the words of files. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type AgentSSEEmitter, MillraceError } from '@millrace/server'

const stepMs = Number(process.env.STEP_MS ?? 500)

/** What the agent can do. A model would choose the tool and its parameters. */
const tools = {
  list: async ({ folder }: { folder: string }) =>
    (await readdir(folder)).filter((name) => /\.(md|ts)$/.test(name)),
  count: async ({ file }: { file: string }) =>
    (await readFile(file, 'utf8')).split(/\s+/).filter(Boolean).length,
}

/** Works on one task and reports each step. Never rejects: how it ended is in the log. */
export async function work(emitter: AgentSSEEmitter, folder: string): Promise<void> {
  try {
    await emitter.planCreated({
      plan: {
        goal: `Know how many words there are in ${folder}`,
        phases: [
          { id: 'find', name: 'Find the files', status: 'pending' },
          { id: 'count', name: 'Count their words', status: 'pending' },
        ],
      },
    })
    await emitter.phaseStart({ phaseId: 'find', phaseName: 'Find the files', phaseIndex: 0 })
    await emitter.thinking({ thought: 'Texts and programs have words.' })
    const files = await call(emitter, 'list', { folder })
    await emitter.phaseComplete({ phaseId: 'find', phaseName: 'Find the files' })

    await emitter.phaseStart({ phaseId: 'count', phaseName: 'Count their words', phaseIndex: 1 })
    let words = 0
    for (const file of files) words += await call(emitter, 'count', { file: join(folder, file) })
    await emitter.phaseComplete({ phaseId: 'count', phaseName: 'Count their words' })
    await emitter.executionComplete({ result: { files: files.length, words } })
  } catch (error) {
    // Cancelled: every call is refused, and there is nothing left to say.
    if (error instanceof MillraceError && error.code === 'run_over') return
    // The message goes to the followers, the stack to the log of the application.
    await emitter.executionError({ error: error as Error, code: 'agent_crashed' }).catch(console.error)
  }
}

/** Calls a tool, between its two events. */
async function call<Name extends keyof typeof tools>(
  emitter: AgentSSEEmitter,
  toolName: Name,
  params: Parameters<(typeof tools)[Name]>[0],
): Promise<Awaited<ReturnType<(typeof tools)[Name]>>> {
  const toolCallId = await emitter.toolStart({ toolName, params })
  await pause(stepMs)
  try {
    const result = await (tools[toolName] as (given: typeof params) => ReturnType<(typeof tools)[Name]>)(
      params,
    )
    await emitter.toolComplete({ toolName, toolCallId, result })
    return result as Awaited<ReturnType<(typeof tools)[Name]>>
  } catch (error) {
    const result = { error: (error as Error).message }
    await emitter.toolComplete({ toolName, toolCallId, result, status: 'error' })
    throw error
  }
}
