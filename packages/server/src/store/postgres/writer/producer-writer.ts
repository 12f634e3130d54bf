/** What is written of producers and their batches. What may happen is in `rules/produce.ts`. */
import type { OperationResult, ProduceOperation } from '#store/batched/operations'
import { produce } from '#store/rules/produce'
import { isRefusal } from '#store/rules/refusal'
import { producedBytes } from '#store/rules/room'
import * as sql from './run-statements.ts'
import type { WriterParts } from './writer-parts.ts'

export function producerWriter({ tx, runs }: WriterParts): (operation: ProduceOperation) => OperationResult {
  return (operation) => {
    const { producer, seq } = operation
    const known = runs.open(operation.run)
    const produced = produce(known, producer === null ? undefined : known?.producers.get(producer), operation)
    if (isRefusal(produced)) return produced
    const { run } = produced
    if (run.leaseUntil !== produced.leaseUntil) {
      run.leaseUntil = produced.leaseUntil
      tx.post(sql.renewLease, [run.n, run.leaseUntil])
    }
    if (produced.kind === 'duplicate') {
      const answer = run.answers.get(`${producer} ${seq}`)
      if (answer === undefined) throw new Error(`batch ${seq} was not answered`)
      return { kind: 'duplicate', ...answer }
    }
    const firstSeq = runs.add(run, operation.log)
    if (producer !== null && produced.producer !== null) {
      if (produced.begins) {
        tx.post(sql.forgetProduced, [run.n, producer])
        // Its earlier batches, numbered from 0.
        runs.grow(run, -producedBytes * (run.producers.get(producer)?.next ?? 0))
        for (const key of run.answers.keys()) if (key.startsWith(`${producer} `)) run.answers.delete(key)
      }
      const { epoch, next } = produced.producer
      run.producers.set(producer, produced.producer)
      run.answers.set(`${producer} ${seq}`, { firstSeq, lastSeq: run.head })
      tx.post(sql.putProducer, [run.n, producer, epoch, next])
      tx.post(sql.addProduced, [run.n, producer, seq, firstSeq, run.head])
      runs.grow(run, producedBytes)
    }
    return { kind: 'appended', firstSeq, state: run.state }
  }
}
