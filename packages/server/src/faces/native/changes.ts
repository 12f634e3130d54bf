/** What a run did at a glance: the files it changed, its commands, its cost. Read from its log each time. */
import { MillraceError, type Run, type RunChangesResponse } from '@millrace/protocol'
import { runChangesResponse } from '@millrace/protocol/schemas'
import { applyToChanges, changesResponse, newChanges, unchangingTypes } from '@millrace/protocol/view'
import type { PageSource } from '#delivery/page'
import { type FaceApp, principalOf } from '#http/face'
import { type NativeFaceParts, runParams } from './run-route.ts'

const pageBytesMax = 4 * 1024 ** 2
const pageEventsMax = 1000
/** A log that is longer is read up to here. */
const logBytesMax = 256 * 1024 ** 2
/** How long it works on an answer, and at a stretch. */
const workMsMax = 10_000
const turnMs = 5

export function changesRoutes(app: FaceApp, { runs, pages }: Pick<NativeFaceParts, 'runs' | 'pages'>): void {
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
      const reading = readings.get(key) ?? readChanges(pages, run).finally(() => readings.delete(key))
      readings.set(key, reading)
      return reading
    },
  )
}

async function readChanges(pages: PageSource, run: Run): Promise<RunChangesResponse> {
  const pace = new Pace()
  let changes = newChanges(run.kind)
  let complete = true
  let bytes = 0
  for (let after = 0; ; ) {
    const page = await pages.readAfter(run.id, { after, maxBytes: pageBytesMax, maxEvents: pageEventsMax })
    if (page === null) throw new MillraceError('not_found', `No run ${run.id}`)
    if (after === 0 && page.bounds.firstSeq > 1) complete = false
    for (const { seq, type, json } of page.events) {
      bytes += json.length
      if (unchangingTypes.includes(type)) continue
      changes = applyToChanges(changes, { seq, type, data: JSON.parse(json) })
      await pace.keep()
    }
    const last = page.events.at(-1)
    if (last === undefined || last.seq >= run.head) return changesResponse(changes, complete)
    if (bytes > logBytesMax || pace.workedMs > workMsMax) return changesResponse(changes, false)
    after = last.seq
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
