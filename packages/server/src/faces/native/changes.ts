/** What a run did at a glance: the files it changed, its commands, its cost. Read from its log each time. */
import {
  type CheckpointEvent,
  checkpointType,
  isFinal,
  lifecycleTypes,
  MillraceError,
  type Run,
  type RunChangesResponse,
  type RunWorktree,
} from '@millrace/protocol'
import { runChangesResponse } from '@millrace/protocol/schemas'
import { applyToChanges, changesResponse, newChanges, unchangingTypes } from '@millrace/protocol/view'
import { type FaceApp, principalOf } from '#http/face'
import type { Worktrees } from '#worktrees/worktrees'
import { type NativeFaceParts, runParams } from './run-route.ts'

const pageBytesMax = 4 * 1024 ** 2
const pageEventsMax = 1000
/** A log that is longer is read up to here. */
const logBytesMax = 256 * 1024 ** 2
/** How long it works on an answer, and at a stretch. */
const workMsMax = 10_000
const turnMs = 5

export interface ChangesParts extends Pick<NativeFaceParts, 'runs' | 'pages'> {
  worktrees: Pick<Worktrees, 'changesOfRun'>
}

export function changesRoutes(app: FaceApp, { runs, pages, worktrees }: ChangesParts): void {
  /** One reading of a run at a time, whose answer all who asked meanwhile share. */
  const readings = new Map<string, Promise<RunChangesResponse>>()

  app.get(
    '/api/runs/:id/changes',
    {
      schema: {
        tags: ['runs'],
        summary: 'What a session or an execution changed: files with a diff each, commands, cost',
        params: runParams,
        response: { 200: runChangesResponse },
      },
    },
    async (request) => {
      const run = await runs.get(request.params.id, principalOf(request))
      const key = `${run.id} ${run.head}`
      const reading =
        readings.get(key) ?? readChanges({ pages, worktrees }, run).finally(() => readings.delete(key))
      readings.set(key, reading)
      return reading
    },
  )
}

async function readChanges(
  { pages, worktrees }: Pick<ChangesParts, 'pages' | 'worktrees'>,
  run: Run,
): Promise<RunChangesResponse> {
  const pace = new Pace()
  let changes = newChanges(run.kind)
  let complete = true
  let bytes = 0
  const files = new FilesOfRun()
  for (let after = 0; ; ) {
    const page = await pages.readAfter(run.id, { after, maxBytes: pageBytesMax, maxEvents: pageEventsMax })
    if (page === null) throw new MillraceError('not_found', `No run ${run.id}`)
    if (after === 0 && page.bounds.firstSeq > 1) complete = false
    for (const { seq, type, json } of page.events) {
      bytes += json.length
      if (unchangingTypes.includes(type)) continue
      files.take(type, json)
      changes = applyToChanges(changes, { seq, type, data: JSON.parse(json) })
      await pace.keep()
    }
    const last = page.events.at(-1)
    if (last === undefined || last.seq >= run.head) {
      const told = changesResponse(changes, complete)
      return { ...told, ...(await files.read(run, worktrees)) }
    }
    if (bytes > logBytesMax || pace.workedMs > workMsMax) return changesResponse(changes, false)
    after = last.seq
  }
}

/** What git has of a run that works in a worktree: also what no tool reported. */
class FilesOfRun {
  #worktree: RunWorktree | null = null
  #end: string | null = null

  take(type: string, json: string): void {
    if (type === lifecycleTypes.started) this.#worktree = JSON.parse(json).worktree ?? null
    else if (type === checkpointType) this.#end = (JSON.parse(json) as CheckpointEvent).commit
  }

  /** Nothing where the run works in its project, or git no longer has it: the log has what the tools reported. */
  async read(run: Run, worktrees: ChangesParts['worktrees']) {
    if (this.#worktree === null) return {}
    const { commit, branch } = this.#worktree
    const end = isFinal(run.state) ? (this.#end ?? commit) : null
    return (await worktrees.changesOfRun(run, commit, end, branch)) ?? {}
  }
}

/** Lets others work in between: an agent's process decides what is in its log. */
class Pace {
  workedMs = 0
  #since = performance.now()

  async keep(): Promise<void> {
    const worked = performance.now() - this.#since
    if (worked < turnMs) return
    this.workedMs += worked
    await new Promise((resolve) => setImmediate(resolve))
    this.#since = performance.now()
  }
}
