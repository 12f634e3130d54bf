/** What the agent remembers of a conversation: the prompts, in a file of its home. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const directory = join(homedir(), '.scripted-agent')

export interface Conversation {
  id: string
  mode: string
  prompts: string[]
}

export function recall(id: string): Conversation | null {
  const file = fileOf(id)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Conversation) : null
}

export function keep(conversation: Conversation): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(fileOf(conversation.id), JSON.stringify(conversation))
}

function fileOf(id: string): string {
  return join(directory, `${encodeURIComponent(id)}.json`)
}
