/** Creates a run: looks up what the rule asks, and inserts what it decides. */
import type { OperationResult, RunOperation } from '#store/batched/operations'
import * as creation from '#store/rules/create'
import { isRefusal } from '#store/rules/refusal'
import { bytesOfRun } from '#store/rules/room'
import type { NewRunRow, RunRow } from '#store/rules/rows'
import { searchText } from '#store/rules/search'
import { type LoadedRun, rowOf } from './loaded-runs.ts'
import { carryMessages } from './message-writer.ts'
import * as sql from './run-statements.ts'
import type { Transaction } from './transaction.ts'
import type { WriterParts } from './writer-parts.ts'

type Create = Extract<RunOperation, { op: 'create' }>

/** An insertion that another node's came before is looked into again; each time there is more to find. */
const tries = 5

export async function createRun({ run, log }: Create, { tx, runs }: WriterParts): Promise<OperationResult> {
  for (let left = tries; left > 0; left -= 1) {
    const created = creation.create(run, await factsFor(run, { tx, runs }))
    if (isRefusal(created)) return created
    if (created.kind === 'known') {
      const first = await runs.load(created.id)
      // Deleted since: its key is free.
      if (first === undefined) continue
      return { kind: 'row', row: rowOf(first), changed: false }
    }
    const n = await insert(run, created.row, tx)
    // Another node was first with the project, the key or the id.
    if (n === undefined) continue
    const opened = runs.opened(created.row, n)
    runs.grow(opened, bytesOfRun(run))
    runs.add(opened, log)
    const carried =
      created.copies === null ? '' : await takeUp(created.copies, opened, created.row.createdAt, { tx, runs })
    const result = { kind: 'row' as const, row: rowOf(opened), changed: true }
    return carried === '' ? result : { ...result, carried }
  }
  throw new Error(`the run ${run.id} cannot be inserted`)
}

/** What a run has of an earlier one. Returns the text of the events about it. */
async function takeUp(
  { from: id, entries }: creation.Copies,
  run: LoadedRun,
  at: number,
  parts: Pick<WriterParts, 'tx' | 'runs'>,
): Promise<string> {
  const earlier = await parts.runs.load(id)
  if (earlier === undefined) throw new Error(`the run ${id} is taken up and does not exist`)
  parts.tx.post(sql.copyEntries, [id, run.n, entries])
  const [copied] = await parts.tx.ask<{ bytes: number }>(sql.selectEntryBytes, [run.n])
  parts.runs.grow(run, copied?.bytes ?? 0)
  return entries === null ? carryMessages({ id, run: earlier }, run, at, parts) : ''
}

async function factsFor(
  run: NewRunRow,
  { tx, runs }: Pick<WriterParts, 'tx' | 'runs'>,
): Promise<creation.CreateFacts> {
  const { id, owner, idempotency, place } = run
  const [facts] = await tx.ask<{
    keyId: string | null
    fingerprint: string | null
    transcriptKept: boolean
    placeTaken: boolean
    ownerBytes: number
    idTaken: boolean
  }>(sql.selectCreateFacts, [
    owner,
    idempotency?.key ?? null,
    creation.copiesOf(run)?.from ?? null,
    place,
    id,
  ])
  if (facts === undefined) throw new Error('no facts were found')
  const { keyId, fingerprint, ...rest } = facts
  const ownerBytes = rest.ownerBytes + runs.addedBytes(owner)
  return { ...rest, ownerBytes, sameKey: keyId === null ? undefined : { id: keyId, fingerprint } }
}

/** Returns the key of the row; undefined: there is one in its way. */
async function insert(
  { place, idempotency }: NewRunRow,
  row: RunRow,
  tx: Transaction,
): Promise<number | undefined> {
  const [inserted] = await tx.ask<{ n: number }>(sql.insertRun, [
    row.id,
    row.kind,
    row.project,
    row.owner,
    row.state,
    row.attempt,
    row.createdAt,
    row.startedAt,
    row.leaseUntil,
    row.retryOf,
    row.resumes,
    row.forkOf,
    place,
    idempotency?.key ?? null,
    idempotency?.fingerprint ?? null,
  ])
  if (inserted === undefined) return undefined
  tx.post(sql.insertDetails, [inserted.n, row.spec])
  tx.post(sql.insertText, [inserted.n, searchText(row)])
  return inserted.n
}
