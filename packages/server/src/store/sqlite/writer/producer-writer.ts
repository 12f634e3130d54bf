/** What is written of producers and their batches, inside the transaction of a batch of operations. */
import type { DatabaseSync } from 'node:sqlite'
import type { OperationResult, ProduceOperation } from '#store/batched/operations'
import { type ProducerRow, produce } from '#store/rules/produce'
import { isRefusal } from '#store/rules/refusal'
import { producedBytes } from '#store/rules/room'
import type { PendingLog } from './pending-log.ts'

export function createProducerWriter(
  db: DatabaseSync,
  log: PendingLog,
): (operation: ProduceOperation) => OperationResult {
  const selectProducer = db.prepare('SELECT epoch, next FROM producers WHERE run = ? AND producer = ?')
  const putProducer = db.prepare(`INSERT INTO producers VALUES (?, ?, ?, ?)
    ON CONFLICT (run, producer) DO UPDATE SET epoch = excluded.epoch, next = excluded.next`)
  const selectBatch = db.prepare(`SELECT first_seq AS firstSeq, last_seq AS lastSeq FROM producer_batches
    WHERE run = ? AND producer = ? AND seq = ?`)
  const addBatch = db.prepare('INSERT INTO producer_batches VALUES (?, ?, ?, ?, ?)')
  const forgetBatches = db.prepare('DELETE FROM producer_batches WHERE run = ? AND producer = ?')
  const renewLease = db.prepare('UPDATE runs SET lease_until = ? WHERE n = ?')

  return (operation) => {
    const { producer, seq } = operation
    const known = log.open(operation.run)
    const row =
      known === undefined || producer === null
        ? undefined
        : (selectProducer.get(known.n, producer) as ProducerRow | undefined)
    const produced = produce(known, row, operation)
    if (isRefusal(produced)) return produced
    const { run } = produced
    if (run.leaseUntil !== produced.leaseUntil) {
      run.leaseUntil = produced.leaseUntil
      renewLease.run(run.leaseUntil, run.n)
    }
    if (produced.kind === 'duplicate') {
      const found = selectBatch.get(run.n, producer, seq) as { firstSeq: number; lastSeq: number }
      return { kind: 'duplicate', ...found }
    }
    const firstSeq = log.add(run, operation.log)
    if (producer !== null && produced.producer !== null) {
      if (produced.begins) log.grow(run, -producedBytes * Number(forgetBatches.run(run.n, producer).changes))
      putProducer.run(run.n, producer, produced.producer.epoch, produced.producer.next)
      const events = operation.log.reduce((sum, { count }) => sum + count, 0)
      addBatch.run(run.n, producer, seq, firstSeq, firstSeq + events - 1)
      log.grow(run, producedBytes)
    }
    return { kind: 'appended', firstSeq, state: run.state }
  }
}
