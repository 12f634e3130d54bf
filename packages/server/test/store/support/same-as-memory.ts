/** What every store must have in common with the memory store: random steps, and a view of everything a store shows. */
import {
  completed,
  entry,
  line,
  messageDelivered,
  messageWithdrawn,
  newApproval,
  newMessage,
  newRun,
  withFile,
} from '@millrace/store-conformance/material'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Credential } from '#store/credentials'
import { openMemoryStore } from '#store/memory/store'
import { emptyTables } from '#store/memory/tables'
import type { Commit, RunFilter, Store } from '#store/store'

/** Made-up UUIDs: a step names a run, a question or a credential by its index in one of these. */
const idsOf = (group: number, count: number) =>
  Array.from({ length: count }, (_, n) => `0000000${group}-0000-4000-8000-00000000000${n}`)
const runIds = idsOf(1, 6)
const approvalIds = idsOf(2, 3)
const credentialIds = idsOf(3, 5)
const messageIds = idsOf(4, 4)
const kinds = ['job', 'session', 'execution'] as const
const projects = ['web', 'api', null]

const oneOf = <T>(list: readonly T[]) => fc.constantFrom(...list)
const run = oneOf(runIds)
const project = oneOf(projects)
const kind = oneOf(kinds)
const approval = oneOf(approvalIds)
const credential = oneOf(credentialIds)
const message = oneOf(messageIds)
const attempt = fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 2, arbitrary: fc.nat(2) })
const at = fc.integer({ min: 1, max: 20 })
const size = fc.oneof(
  { weight: 20, arbitrary: fc.nat(60) },
  { weight: 1, arbitrary: fc.integer({ min: 30_000, max: 90_000 }) },
)
const textOf = (length: number) => 'é'.repeat(length)

/** One call of the port, the same for every store. */
type Step = (store: Store) => Promise<unknown>

const create = fc
  .record({
    id: run,
    kind,
    project,
    owner: oneOf(['ada', 'bob']),
    exclusive: fc.boolean(),
    resumes: fc.option(run),
    fork: fc.option(fc.record({ of: run, entries: fc.nat(3) }), { freq: 2 }),
    place: fc.option(oneOf(['web', 'a worktree']), { freq: 2 }),
    key: fc.option(fc.record({ key: oneOf(['k', 'l']), fingerprint: oneOf(['f', 'g']) }), { freq: 2 }),
    lease: fc.option(at, { freq: 1 }),
  })
  .map(
    ({ key, lease, fork, place, ...given }): Step =>
      (store) =>
        store.createRun(
          newRun({
            ...given,
            ...(fork === null ? {} : { fork }),
            ...(place === null ? {} : { place }),
            idempotency: key,
            ...(lease === null ? {} : { detached: { started: line('started'), leaseUntil: lease } }),
          }),
        ),
  )
const claim = fc.record({ kind, limit: fc.integer({ min: 1, max: 3 }), node: oneOf(['here', 'there']) }).map(
  (given): Step =>
    (store) =>
      store.claim(given),
)
const append = fc.tuple(run, attempt, fc.array(size, { maxLength: 5 })).map(
  ([id, attempt, sizes]): Step =>
    (store) =>
      store.append(
        id,
        attempt,
        sizes.map((n) => line(textOf(n))),
      ),
)
const progress = fc
  .tuple(run, attempt, at)
  .chain(([id, attempt, at]) =>
    oneOf<Step>([
      (store) => store.markRunning(id, attempt, { at, type: 'run:started', json: '{}' }),
      (store) => store.recordProcess(id, attempt, { pid: at, startTime: at }),
    ]),
  )
const end = fc.tuple(run, oneOf(['abort', 'shutdown', 'crash'] as const)).map(
  ([id, cause]): Step =>
    (store) =>
      store.requestEnd(id, cause),
)
const finish = fc.tuple(run, attempt, at, oneOf(['completed', 'errored', 'interrupted'] as const)).map(
  ([id, attempt, at, state]): Step =>
    (store) =>
      store.finish(id, attempt, { ...completed({ success: at % 2 === 0 }, at), state }),
)
const produce = fc.tuple(run, fc.array(size, { maxLength: 3 }), fc.nat(2), fc.nat(2), at, fc.boolean()).map(
  ([id, sizes, epoch, seq, leaseUntil, counts]): Step =>
    (store) =>
      store.produce(id, {
        events: sizes.map((n) => line(textOf(n))),
        producer: counts ? { id: 'p', epoch, seq } : null,
        leaseUntil,
      }),
)
const silence = fc.tuple(run, attempt, at).map(
  ([id, attempt, at]): Step =>
    (store) =>
      store.finishSilent(id, attempt, { ...completed(null, at), state: 'interrupted' }, at),
)
const ask = fc.tuple(run, attempt, approval).map(
  ([id, attempt, approval]): Step =>
    (store) =>
      store.requestApproval(id, attempt, newApproval({ id: approval })),
)
const answer = fc.tuple(run, approval, at, oneOf(['person', 'expiry'] as const)).map(
  ([id, approval, at, by]): Step =>
    (store) =>
      store.answerApproval(id, approval, { decision: 'allow', by, at }),
)
const keep = fc.tuple(run, attempt, size).map(
  ([id, attempt, n]): Step =>
    (store) =>
      store.appendTranscript(id, attempt, [entry(textOf(n))]),
)
const say = fc.tuple(run, message, fc.nat(400), oneOf(['queue', 'steer', 'interrupt'] as const)).map(
  ([id, message, bytes, mode]): Step =>
    (store) => {
      const { attachments } = withFile(bytes, 9)
      const files = bytes % 2 === 0 ? { attachments } : {}
      return store.acceptMessage(id, newMessage({ id: message, mode, undeliveredBytesMax: 900, ...files }))
    },
)
const hear = fc
  .tuple(run, attempt, message, oneOf(['turn', 'joining', 'interrupt'] as const))
  .chain(([id, attempt, message, want]) =>
    oneOf<Step>([
      (store) => store.takeMessages(id, attempt, { want, seal: false }),
      (store) => store.deliverMessage(id, attempt, message, messageDelivered(message)),
      (store) => store.withdrawMessage(id, message, messageWithdrawn(message)),
      (store) => store.park(id, attempt, { usage: null, event: null }),
    ]),
  )
const forget = fc
  .tuple(run, fc.nat(12))
  .chain(([id, through]) =>
    oneOf<Step>([(store) => store.prune(id, through), (store) => store.deleteRun(id)]),
  )
const addCredential = fc
  .record({
    id: credential,
    kind: oneOf(['token', 'login', 'push'] as const),
    expiresAt: fc.option(at),
    createdAt: at,
    parent: fc.option(fc.oneof(credential, fc.constant('process:1'))),
  })
  .map(
    (given): Step =>
      ({ credentials }) =>
        credentials.add(
          { user: 'ada', admin: false, revokedAt: null, usedAt: null, path: null, ...given },
          given.id,
        ),
  )
const useCredential = fc
  .tuple(credential, at)
  .chain(([id, at]) =>
    oneOf<Step>([
      ({ credentials }) => credentials.take(id, at),
      ({ credentials }) => credentials.revoke(id, at),
      ({ credentials }) => credentials.sweep(at),
    ]),
  )

/** Steps that are submitted without waiting, so that they share a batch. */
const round = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: create },
    { weight: 5, arbitrary: claim },
    { weight: 8, arbitrary: append },
    { weight: 4, arbitrary: progress },
    { weight: 2, arbitrary: end },
    { weight: 3, arbitrary: finish },
    { weight: 6, arbitrary: produce },
    { weight: 3, arbitrary: silence },
    { weight: 4, arbitrary: ask },
    { weight: 4, arbitrary: answer },
    { weight: 3, arbitrary: keep },
    { weight: 5, arbitrary: say },
    { weight: 8, arbitrary: hear },
    { weight: 3, arbitrary: forget },
    { weight: 2, arbitrary: addCredential },
    { weight: 2, arbitrary: useCredential },
  ),
  { minLength: 1, maxLength: 16 },
)

const look = fc.record({
  limit: fc.integer({ min: 1, max: 4 }),
  page: fc.record({ after: fc.nat(15), maxBytes: fc.nat(400), maxEvents: fc.integer({ min: 1, max: 8 }) }),
  rule: fc.record({
    finishedBefore: fc.option(at),
    events: fc.option(fc.integer({ min: 1, max: 6 })),
  }),
  at,
})
type Look = typeof look extends fc.Arbitrary<infer Value> ? Value : never

/** Takes the steps of a round; a refusal is its code. */
function take(store: Store, steps: readonly Step[]): Promise<unknown[]> {
  return Promise.all(steps.map((step) => step(store).catch((error) => error.code ?? error)))
}

/** Everything that a store shows, except its own epoch and cursors. */
async function view(store: Store, { limit, page, rule, at }: Look): Promise<unknown> {
  const ofRuns = await Promise.all(
    runIds.map(async (id) => ({
      run: await store.getRun(id),
      bounds: await store.bounds(id).then(withoutEpoch),
      page: await store
        .readAfter(id, page)
        .then((read) => read && { ...read, bounds: withoutEpoch(read.bounds) }),
      transcript: await store.readTranscript(id),
      open: await store.openApprovals(id),
      undelivered: await store.undeliveredMessages(id),
      messages: await Promise.all(messageIds.map((message) => store.getMessage(id, message))),
      attachments: await Promise.all(messageIds.map((message) => store.readAttachments(id, message))),
      approvals: await Promise.all(approvalIds.map((approval) => store.getApproval(id, approval))),
    })),
  )
  const credentials: (Credential | null)[] = await Promise.all(
    credentialIds.map((id) => store.credentials.find(id)),
  )
  return {
    ofRuns,
    listed: await listed(store, limit),
    active: await store.listActive(),
    silent: await store.listSilent(at),
    counts: await Promise.all(kinds.map((kind) => store.queueCounts(kind))),
    expendable: (await store.expendable(rule, null)).found,
    credentials,
    live: await Promise.all(credentialIds.map((id) => store.credentials.findLive(id, at))),
    tokens: await store.credentials.list('token'),
    dead: (await store.credentials.dead(credentialIds, at)).toSorted(),
  }
}

function withoutEpoch<Bounds extends { epoch: string }>(bounds: Bounds | null): Omit<Bounds, 'epoch'> | null {
  if (bounds === null) return null
  const { epoch: _epoch, ...rest } = bounds
  return rest
}

/** The pages of a few listings. */
async function listed(store: Store, limit: number): Promise<string[][]> {
  const pages: string[][] = []
  const filters: Partial<RunFilter>[] = [
    {},
    { owner: 'ada', kind: 'job' },
    { outcome: 'failure' },
    { owner: 'bob', outcome: 'success', q: '-00000000000' },
    { q: 'COUNT', state: 'completed' },
    { q: '00004' },
  ]
  for (const filter of filters) {
    let cursor: string | undefined
    do {
      const page = await store.listRuns({ ...filter, limit, cursor })
      pages.push(page.runs.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
  }
  return pages
}

function announced(store: Store): Commit[] {
  const commits: Commit[] = []
  store.onCommit((commit) => commits.push(commit))
  return commits
}

/**
 * Takes the same random steps, in the same random batches, with the store of a backend and with the memory store, and
 * compares all that they answer, show and announce. `close` follows each try.
 */
export async function expectSameAsMemory(
  open: () => Promise<{ store: Store; close: () => Promise<void> }>,
  numRuns: number,
): Promise<void> {
  const tries = fc.array(fc.tuple(round, look), { minLength: 1, maxLength: 8 })
  const property = fc.asyncProperty(tries, async (rounds) => {
    const { store, close } = await open()
    const memory = openMemoryStore({ tables: emptyTables() })
    const [ofStore, ofMemory] = [announced(store), announced(memory)]
    try {
      for (const [steps, look] of rounds) {
        expect(await take(store, steps)).toEqual(await take(memory, steps))
        expect(await view(store, look)).toEqual(await view(memory, look))
        expect(ofStore).toEqual(ofMemory)
      }
    } finally {
      await close()
      await memory.close()
    }
  })
  await fc.assert(property, { numRuns })
}
