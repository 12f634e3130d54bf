import { ManualClock } from '@millrace/test-support/manual-clock'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { Expiries, type ExpiriesParts } from '#runs/approvals/expiries'

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** `due`: the questions whose time is over; `fails`: whether the store answers with an error. */
function rig(fails: () => boolean = () => false) {
  const clock = new ManualClock()
  const due: string[] = []
  const expired: string[] = []
  const waitingApprovals: ExpiriesParts['store']['waitingApprovals'] = async () => {
    if (fails()) throw new Error('the store is away')
    return due.map((id) => ({ id, runId: 'r', expiresAt: 0 }))
  }
  const expiries = new Expiries({
    store: { waitingApprovals },
    expire: async (_run, id) => {
      expired.push(id)
      due.splice(0)
    },
    now: clock.now,
    after: clock.after,
    othersPark: false,
    log: pino({ enabled: false }),
  })
  return { clock, due, expired, expiries }
}

it('questions that could not be read at a second look are read again after a second', async () => {
  let reads = 0
  const { clock, due, expired, expiries } = rig(() => {
    reads += 1
    return reads === 3
  })
  // The second is asked for while the first, which reads twice and finds nothing, is at work.
  expiries.look()
  await Promise.resolve()
  expiries.look()
  await settle()
  expect([reads, clock.pending]).toEqual([3, 1])
  due.push('late')
  await clock.advance(1000)
  await settle()
  expect(expired).toEqual(['late'])
})

it('a look is never lost, at whatever moment of another it is asked for', async () => {
  for (let moment = 0; moment < 30; moment += 1) {
    const { due, expired, expiries } = rig()
    expiries.look()
    for (let tick = 0; tick < moment; tick += 1) await Promise.resolve()
    due.push('new')
    expiries.look()
    await settle()
    expect(expired, `after ${moment} ticks`).toEqual(['new'])
  }
})
