import { ManualClock } from '@millrace/test-support/manual-clock'
import { expect, it } from 'vitest'
import { WorkTime } from '#runners/execution/work-time'

function begin(seconds: number) {
  const clock = new ManualClock()
  const late: number[] = []
  const time = new WorkTime(seconds, () => late.push(clock.now()), clock)
  return { clock, late, time }
}

it('the time of an execution does not run while any question to people is open', async () => {
  const { clock, late, time } = begin(10)
  await clock.advance(4000)
  const [one, other] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  const answers = [time.during(one.promise), time.during(other.promise)]
  await clock.advance(3_600_000)
  one.resolve('allow')
  expect(await answers[0]).toBe('allow')
  await clock.advance(3_600_000)
  other.reject(new Error('nobody answers'))
  await expect(answers[1]).rejects.toThrow('nobody answers')
  await clock.advance(5999)
  expect(late).toEqual([])
  await clock.advance(1)
  expect(late).toEqual([7_210_000])
  expect(clock.pending).toBe(0)
})

it('an execution that is over is never late, also if a question is answered after its end', async () => {
  const { clock, late, time } = begin(10)
  const question = Promise.withResolvers<void>()
  const answer = time.during(question.promise)
  time.stop()
  question.resolve()
  await answer
  await clock.advance(20_000)
  expect(late).toEqual([])
  expect(clock.pending).toBe(0)
})
