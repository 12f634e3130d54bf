/** From a connection to a conversation in the right mode: what is said before the first prompt. */
import type { AgentEntry } from '#config/config'
import type { Conversation } from './conversation.ts'
import { type JsonRecord, recordOf } from './lines.ts'
import { Refusal } from './refusal.ts'

export interface OpeningParts {
  entry: Pick<AgentEntry, 'name' | 'mode' | 'auth'>
  cwd: string
  model: string | undefined
  /** People can fill in forms. */
  questions: boolean
  /** What the agent is to resume; null for a new conversation. */
  resumes: Conversation | null
  version: string
  /** Sends a request and returns its result. Rejects when the agent refuses it, is gone, or takes too long. */
  ask(method: string, params: JsonRecord): Promise<JsonRecord>
  /** `true`: updates are the replay of what an earlier run has logged. */
  replaying(isReplay: boolean): void
}

export interface Opened {
  conversationId: string
  how: 'new' | 'resume' | 'load'
  /** The agent's account of itself. */
  agentInfo: JsonRecord
  mode: string | null
  /** Which content of a prompt it takes besides text: `image`, `embeddedContext`. */
  takes: ReadonlySet<string>
  /** A later run may resume the conversation. */
  resumable: boolean
}

/** The agent cannot do what the run needs. `reason` is one word. */
export class OpeningError extends Error {
  override readonly name = 'OpeningError'
  readonly reason: string

  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

const protocolVersion = 1
const idCharsMax = 200

export async function openConversation(parts: OpeningParts): Promise<Opened> {
  const initialized = await parts.ask('initialize', {
    protocolVersion,
    // Neither files nor terminals: the agent works inside the sandbox, with its own.
    clientCapabilities: {
      fs: { readTextFile: false, writeTextFile: false },
      terminal: false,
      ...(parts.questions ? { elicitation: { form: {} } } : {}),
    },
    clientInfo: { name: 'millrace', title: 'Millrace', version: parts.version },
  })
  if (initialized.protocolVersion !== protocolVersion) {
    const theirs = String(initialized.protocolVersion).slice(0, 20)
    throw new OpeningError(
      'not_started',
      `The agent speaks version ${theirs} of the protocol, and this server 1`,
    )
  }
  if (parts.entry.auth !== undefined) await parts.ask('authenticate', { methodId: parts.entry.auth })
  const abilities = abilitiesIn(recordOf(initialized.agentCapabilities) ?? {})
  const { session, how } = await begin(abilities, parts)
  const conversationId = parts.resumes?.id ?? session.sessionId
  if (typeof conversationId !== 'string' || conversationId === '' || conversationId.length > idCharsMax)
    throw new OpeningError('protocol_error', 'The agent began a conversation without an id')
  const mode = await setMode(conversationId, session, parts)
  await setModel(conversationId, session, parts)
  const resumable = abilities.resume || abilities.load
  const takes = takenIn(recordOf(recordOf(initialized.agentCapabilities)?.promptCapabilities) ?? {})
  return { conversationId, how, mode, takes, resumable, agentInfo: recordOf(initialized.agentInfo) ?? {} }
}

function takenIn(capabilities: JsonRecord): Set<string> {
  return new Set(Object.keys(capabilities).filter((name) => capabilities[name] === true))
}

function abilitiesIn({ loadSession, sessionCapabilities }: JsonRecord): { resume: boolean; load: boolean } {
  return { resume: recordOf(recordOf(sessionCapabilities)?.resume) !== null, load: loadSession === true }
}

async function begin(
  abilities: { resume: boolean; load: boolean },
  { resumes, cwd, ask, replaying, entry }: OpeningParts,
): Promise<{ session: JsonRecord; how: Opened['how'] }> {
  const place = { cwd, mcpServers: [] }
  if (resumes === null) return { session: await ask('session/new', place), how: 'new' }
  const known = { ...place, sessionId: resumes.id }
  if (!abilities.resume && !abilities.load)
    throw new OpeningError('not_resumable', `The agent ${entry.name} cannot resume a conversation`)
  try {
    if (abilities.resume) return { session: await ask('session/resume', known), how: 'resume' }
    replaying(true)
    const session = await ask('session/load', known)
    replaying(false)
    return { session, how: 'load' }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new OpeningError('not_resumable', `The agent could not resume the conversation: ${error.message}`)
  }
}

/** The mode decides what an agent asks for: without the configured one, nothing starts. */
async function setMode(
  sessionId: string,
  session: JsonRecord,
  { entry, ask }: OpeningParts,
): Promise<string | null> {
  const { mode } = entry
  const modes = recordOf(session.modes)
  const current = typeof modes?.currentModeId === 'string' ? modes.currentModeId : null
  if (mode === undefined) return current
  const offered = namesIn(modes?.availableModes, 'id')
  if (offered.includes(mode)) {
    await ask('session/set_mode', { sessionId, modeId: mode })
    return mode
  }
  const option = optionOf(session, 'mode')
  if (option?.values.includes(mode)) {
    await ask('session/set_config_option', { sessionId, configId: option.id, value: mode })
    return mode
  }
  const known = [...offered, ...(option?.values ?? [])]
  throw new OpeningError(
    'mode_unknown',
    `The agent ${entry.name} has no mode ${mode}${known.length === 0 ? '' : `; it has ${known.join(', ')}`}`,
  )
}

async function setModel(
  sessionId: string,
  session: JsonRecord,
  { model, entry, ask }: OpeningParts,
): Promise<void> {
  if (model === undefined) return
  const option = optionOf(session, 'model')
  if (option?.values.includes(model)) {
    await ask('session/set_config_option', { sessionId, configId: option.id, value: model })
    return
  }
  const known = option === null ? 'it offers no choice' : `it has ${option.values.join(', ')}`
  throw new OpeningError('model_unknown', `The agent ${entry.name} has no model ${model}: ${known}`)
}

function optionOf({ configOptions }: JsonRecord, category: string): { id: string; values: string[] } | null {
  if (!Array.isArray(configOptions)) return null
  for (const one of configOptions) {
    const option = recordOf(one)
    if (option?.category !== category || option.type !== 'select' || typeof option.id !== 'string') continue
    const groups = Array.isArray(option.options) ? option.options : []
    const values = groups.flatMap((group) => namesIn(recordOf(group)?.options ?? [group], 'value'))
    return { id: option.id, values }
  }
  return null
}

const namesMax = 100

function namesIn(list: unknown, key: string): string[] {
  if (!Array.isArray(list)) return []
  return list.slice(0, namesMax).flatMap((item) => {
    const name = recordOf(item)?.[key]
    return typeof name === 'string' ? [name] : []
  })
}
