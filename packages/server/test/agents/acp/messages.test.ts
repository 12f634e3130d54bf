/** Messages to an agent that speaks ACP: the scripted agent as a real process. */
import { until } from '@millrace/test-support/until'
import { expect, it } from 'vitest'
import { openAgents, saidIn } from './support/agents.ts'

const agents = openAgents()

// Failed before: it was dropped, and the agent worked on.
it('an interrupt that arrives before the first prompt cuts its turn, and the message starts the next one', async () => {
  const { context, run } = agents.prepare({ prompt: 'say begun\nwait' })
  const id = context.messages.say('say instead', 'interrupt')
  const { outcome } = await run()
  expect(outcome).toMatchObject({ state: 'completed', result: { text: 'instead', numTurns: 2 } })
  expect(context.of('acp:turn_end').map(({ stopReason }) => stopReason)).toEqual(['cancelled', 'end_turn'])
  expect(context.messages.delivery).toEqual([id])
})

it('an interrupt cuts the turn that runs, and no other', async () => {
  const { context, run } = agents.prepare({ prompt: 'say begun\nwait' })
  const running = run()
  await until(() => saidIn(context).length === 1)
  context.messages.say('say instead\nsay more', 'interrupt')
  const { outcome } = await running
  expect(outcome).toMatchObject({ state: 'completed', result: { numTurns: 2 } })
  expect(saidIn(context)).toEqual(['begun', 'instead', 'more'])
})
