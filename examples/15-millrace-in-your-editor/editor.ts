/** What an editor does with an agent, without windows: it starts the command, shows what the agent does, and answers its questions. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import * as acp from '@agentclientprotocol/sdk'

export interface Editor {
  agent: acp.ClientContext
  /** Resolves when the agent's turn is over. */
  prompt(sessionId: string, text: string): Promise<acp.PromptResponse>
  /** Resolves once this text is on the screen. */
  shows(text: string): Promise<void>
  close(): Promise<void>
}

/** Opens an editor on a project. `npx` puts the command `millrace` on the PATH. */
export async function openEditor(project: string): Promise<Editor> {
  const child = spawn('millrace', ['acp', '--project', project], { stdio: ['pipe', 'pipe', 'inherit'] })
  const screen = new Screen()
  const { agent } = acp
    .client({ name: 'an editor' })
    .onNotification('session/update', ({ params: { update } }) => {
      const author = authors[update.sessionUpdate]
      if (author !== undefined && 'content' in update)
        screen.write(author, (update.content as { text: string }).text)
      else if (update.sessionUpdate === 'tool_call') screen.line(`agent runs: ${update.title}`)
    })
    .onRequest('session/request_permission', ({ params: { toolCall, options } }) => {
      screen.line(`may it run this? ${toolCall.title} (yes)`)
      const yes = options.find(({ kind }) => kind === 'allow_once')
      return { outcome: { outcome: 'selected', optionId: yes?.optionId ?? '' } }
    })
    .connect(
      acp.ndJsonStream(
        Writable.toWeb(child.stdin) as WritableStream<Uint8Array>,
        Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
      ),
    )
  await agent.request('initialize', { protocolVersion: acp.PROTOCOL_VERSION })
  return {
    agent,
    prompt: (sessionId, text) => {
      screen.line(`you: ${text}`)
      return agent.request('session/prompt', { sessionId, prompt: [{ type: 'text', text }] })
    },
    shows: (text) => screen.shows(text),
    close: async () => {
      child.stdin.end()
      await once(child, 'exit')
      screen.line('')
    },
  }
}

const authors: Readonly<Record<string, string>> = { agent_message_chunk: 'agent', user_message_chunk: 'you' }

/** Texts arrive in pieces: those that one author writes in a row are one line. */
class Screen {
  #shown = ''
  #author: string | null = null
  readonly #awaited = new Map<string, () => void>()

  write(author: string, piece: string): void {
    this.#put(author === this.#author ? piece : `${this.#lineBreak()}${author}: ${piece}`)
    this.#author = author
  }

  line(text: string): void {
    this.#put(`${this.#lineBreak()}${text === '' ? '' : `${text}\n`}`)
    this.#author = null
  }

  shows(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited.set(text, resolve)
      this.#put('')
    })
  }

  #lineBreak(): string {
    return this.#author === null ? '' : '\n'
  }

  #put(text: string): void {
    process.stdout.write(text)
    this.#shown += text
    for (const [wanted, resolve] of this.#awaited) if (this.#shown.includes(wanted)) resolve()
  }
}
