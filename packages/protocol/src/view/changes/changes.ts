/**
 * What a session or an execution did, at a glance: files with a diff each, commands, cost. From nothing but its events,
 * like a view, and as a view plain, immutable data. What commands changed is in the events where the project is a git repository,
 * and for others at the end of a session.
 */
import type { FileChange, RanCommand, RunChangesResponse } from '#changes'
import { finalStateOf, type RunKind } from '#runs'
import { permissionTypes, sessionChangedType, subagentResultType } from '#sessions'
import { numberOf, recordOf, stringOf, type ViewEvent } from '../run.ts'
import { blocksOf, textOf } from '../session-messages.ts'
import { changesInContent } from './acp-results.ts'
import { afterChange, type ChangedFile, changeOf } from './changed-file.ts'
import { changesInResult } from './sdk-results.ts'

export interface Changes {
  readonly kind: RunKind
  /** `seq` of the last event taken in. */
  readonly head: number
  readonly cwd: string | null
  readonly files: readonly ChangedFile[]
  readonly filesLeftOut: number
  readonly commands: readonly (RanCommand & { toolCallId: string })[]
  readonly commandsLeftOut: number
  readonly costUsd: number | null
  /** What calls that are under way will have changed, as an ACP agent announces it. */
  readonly announced: readonly { readonly toolCallId: string; readonly files: readonly FileChange[] }[]
}

const filesMax = 500
const commandsMax = 500
const commandCharsMax = 2000
/** Of all diffs together. */
const diffCharsMax = 2 * 1024 ** 2

export function newChanges(kind: RunKind): Changes {
  const nothing = {
    files: [],
    filesLeftOut: 0,
    commands: [],
    commandsLeftOut: 0,
    costUsd: null,
    announced: [],
  }
  return { kind, head: 0, cwd: null, ...nothing }
}

/** Types of events that say nothing about changes, and are most of a log. */
export const unchangingTypes: readonly string[] = [
  'stream_event',
  'text:delta',
  'thinking',
  'tool:output',
  'acp:agent_message_chunk',
  'acp:agent_thought_chunk',
]

/** Takes one event. An event that was taken before changes nothing. */
export function applyToChanges(before: Changes, event: ViewEvent): Changes {
  if (event.seq <= before.head) return before
  const changes = { ...before, head: event.seq }
  const data = recordOf(event.data)
  if (finalStateOf(changes.kind, event) !== undefined) return settled(changes)
  return changes.kind === 'session'
    ? ofSession(changes, event.type, data)
    : ofExecution(changes, event.type, data)
}

type Data = Record<string, unknown>

function ofSession(changes: Changes, type: string, data: Data): Changes {
  switch (type) {
    case 'system':
      return data.subtype === 'init' ? { ...changes, cwd: stringOf(data.cwd) ?? changes.cwd } : changes
    case 'assistant':
      return blocksOf(recordOf(data.message).content).reduce(
        (into, { type: kind, id, input }) => (kind === 'tool_use' ? begun(into, id, recordOf(input)) : into),
        changes,
      )
    case 'user': {
      const results = blocksOf(recordOf(data.message).content).filter((block) => block.type === 'tool_result')
      const after = results.reduce(
        (into, block) =>
          done(into, block.tool_use_id, statusIn(block, data.tool_result_meta), textOf(block.content)),
        changes,
      )
      return withFiles(after, changesInResult(data.tool_use_result, changes.cwd))
    }
    case subagentResultType:
      return withFiles(changes, changesInResult(data.result, changes.cwd))
    case sessionChangedType:
      return withWhole(changes, data)
    case permissionTypes.denied:
      return done(changes, data.toolUseId, 'denied', '')
    case 'result':
      return { ...changes, costUsd: numberOf(data.total_cost_usd) ?? changes.costUsd }
    case 'acp:session':
      return { ...changes, cwd: stringOf(data.cwd) ?? changes.cwd }
    case 'acp:tool_call':
    case 'acp:tool_call_update':
      return ofAcpCall(changes, data)
    case 'acp:usage_update': {
      const { amount, currency } = recordOf(data.cost)
      return currency === 'USD' ? { ...changes, costUsd: numberOf(amount) ?? changes.costUsd } : changes
    }
    default:
      return changes
  }
}

const announcedMax = 100

/** Files and commands are known before the call runs, and count once it has. */
function ofAcpCall(changes: Changes, data: Data): Changes {
  const id = stringOf(data.toolCallId)
  if (id === null) return changes
  const command = stringOf(recordOf(data.rawInput).command) ?? (data.kind === 'execute' ? data.title : null)
  const isKnown = changes.commands.some(({ toolCallId }) => toolCallId === id)
  const after = isKnown ? changes : begun(changes, id, { command })
  const shown = changesInContent(data.content, changes.cwd)
  const files = shown.length > 0 ? shown : (after.announced.find((one) => one.toolCallId === id)?.files ?? [])
  const others = after.announced.filter((one) => one.toolCallId !== id)
  if (data.status === 'failed') return ended({ ...after, announced: others }, id, 'error')
  if (data.status === 'completed')
    return withFiles(ended({ ...after, announced: others }, id, 'ok'), files.map(placeless(after)))
  if (files.length === 0) return after
  return { ...after, announced: [...others, { toolCallId: id, files }].slice(-announcedMax) }
}

/** That a call has completed says nothing of the exit code of its command. */
function ended(changes: Changes, id: string, status: 'ok' | 'error'): Changes {
  const commands = changes.commands.map((one) =>
    one.toolCallId === id && one.status === 'running' ? { ...one, status } : one,
  )
  return { ...changes, commands }
}

/** Where a second change to a file stands in it is not known: its lines are counted and not shown. */
function placeless({ files }: Changes): (change: FileChange) => FileChange {
  return (change) => (files.some(({ path }) => path === change.path) ? { ...change, diff: '' } : change)
}

function ofExecution(changes: Changes, type: string, data: Data): Changes {
  switch (type) {
    case 'tool:start':
      return begun(changes, data.toolCallId, recordOf(data.params))
    case 'tool:complete': {
      const { text, files, exitCode } = recordOf(data.result)
      const said = stringOf(data.result) ?? stringOf(text) ?? ''
      const after = done(changes, data.toolCallId, statusOf(data.status), said, numberOf(exitCode))
      return withFiles(after, Array.isArray(files) ? files.flatMap(fileIn) : [])
    }
    case 'usage':
      return { ...changes, costUsd: numberOf(data.costUsd) }
    default:
      return changes
  }
}

/** Only commands are kept of the calls. */
function begun(changes: Changes, id: unknown, { command }: Data): Changes {
  const [toolCallId, text] = [stringOf(id), stringOf(command)]
  if (toolCallId === null || text === null) return changes
  const ran = {
    toolCallId,
    command: text.slice(0, commandCharsMax),
    status: 'running',
    exitCode: null,
  } as const
  const commands = [...changes.commands, ran]
  if (commands.length <= commandsMax) return { ...changes, commands }
  return { ...changes, commands: commands.slice(1), commandsLeftOut: changes.commandsLeftOut + 1 }
}

function done(
  changes: Changes,
  toolCallId: unknown,
  status: RanCommand['status'],
  text: string,
  exitCode: number | null = null,
): Changes {
  const index = changes.commands.findLastIndex((one) => one.toolCallId === toolCallId)
  const known = changes.commands[index]
  // The result of a denied call is an error.
  if (known === undefined || known.status !== 'running') return changes
  const code = exitCode ?? codeIn(status, text)
  return { ...changes, commands: changes.commands.with(index, { ...known, status, exitCode: code }) }
}

/** The SDK says beside a result why a call did not run, or was stopped. */
function statusIn({ tool_use_id: id, is_error: failed }: Data, metas: unknown): RanCommand['status'] {
  if (failed !== true) return 'ok'
  const meta = (Array.isArray(metas) ? metas : []).map(recordOf).find((one) => one.id === id)
  if (meta?.non_execution_kind === 'user-rejected') return 'cancelled'
  return recordOf(meta?.permission_decision).decision === 'reject' ? 'denied' : 'error'
}

/** The SDK writes the exit code of a failed command into the text of its result. */
function codeIn(status: RanCommand['status'], text: string): number | null {
  if (status === 'ok') return 0
  const code = /^Exit code (\d{1,3})\b/.exec(text)?.[1]
  return status === 'error' && code !== undefined ? Number(code) : null
}

function statusOf(status: unknown): RanCommand['status'] {
  return status === 'error' || status === 'denied' || status === 'cancelled' ? status : 'ok'
}

function fileIn(value: unknown): FileChange[] {
  const { path, status, additions, deletions, diff } = recordOf(value)
  if (typeof path !== 'string' || typeof diff !== 'string') return []
  if (status !== 'added' && status !== 'modified' && status !== 'deleted') return []
  return [{ path, status, additions: numberOf(additions) ?? 0, deletions: numberOf(deletions) ?? 0, diff }]
}

/** Each file replaces what was known of it. */
function withWhole(changes: Changes, { files, restored }: Data): Changes {
  const whole = Array.isArray(files) ? files.flatMap(fileIn) : []
  const gone = new Set<unknown>([
    ...whole.map(({ path }) => path),
    ...(Array.isArray(restored) ? restored : []),
  ])
  return withFiles({ ...changes, files: changes.files.filter(({ path }) => !gone.has(path)) }, whole)
}

function withFiles(changes: Changes, made: readonly FileChange[]): Changes {
  return made.reduce(withFile, changes)
}

function withFile(changes: Changes, change: FileChange): Changes {
  const index = changes.files.findIndex(({ path }) => path === change.path)
  const after = afterChange(changes.files[index], change)
  if (index < 0) {
    if (after === null) return changes
    if (changes.files.length >= filesMax) return { ...changes, filesLeftOut: changes.filesLeftOut + 1 }
    return { ...changes, files: [...changes.files, after] }
  }
  const files = after === null ? changes.files.toSpliced(index, 1) : changes.files.with(index, after)
  return { ...changes, files }
}

function settled(changes: Changes): Changes {
  const commands = changes.commands.map((one) =>
    one.status === 'running' ? { ...one, status: 'cancelled' as const } : one,
  )
  return { ...changes, commands }
}

/** The changes as the API gives them, of bounded size. */
export function changesResponse(changes: Changes, complete = true): RunChangesResponse {
  let left = diffCharsMax
  const files = changes.files.map((file) => {
    const change = changeOf(file)
    left -= change.diff.length
    return left < 0 ? { ...change, diff: '' } : change
  })
  const commands = changes.commands.map(({ toolCallId: _id, ...command }) => command)
  const { filesLeftOut, commandsLeftOut, costUsd } = changes
  return { files, filesLeftOut, commands, commandsLeftOut, costUsd, complete }
}

/** `3 files changed (+12 −4), 5 commands (1 failed)`; empty when nothing was done. */
export function changesInLine({
  files,
  filesLeftOut,
  commands,
  commandsLeftOut,
}: RunChangesResponse): string {
  const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  const added = files.reduce((sum, { additions }) => sum + additions, 0)
  const removed = files.reduce((sum, { deletions }) => sum + deletions, 0)
  const failed = commands.filter(({ status }) => status === 'error').length
  const [fileCount, commandCount] = [files.length + filesLeftOut, commands.length + commandsLeftOut]
  return [
    fileCount === 0 ? '' : `${plural(fileCount, 'file')} changed (+${added} −${removed})`,
    commandCount === 0
      ? ''
      : `${plural(commandCount, 'command')}${failed === 0 ? '' : ` (${failed} failed)`}`,
  ]
    .filter((part) => part !== '')
    .join(', ')
}
