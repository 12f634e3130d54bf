import { expect, it, vi } from 'vitest'
import { reply, run, say, serve } from './support/executions.ts'

// Seen failing: the packages of two providers refuse to be imported with one, and with them the whole server.
it('an empty address of a provider in the environment counts as none', async () => {
  vi.stubEnv('ANTHROPIC_BASE_URL', '')
  vi.stubEnv('OPENAI_BASE_URL', '')
  const model = await serve([reply({}, [say('Done.')])])
  const { end } = await run(model, { format: 'anthropic' })
  expect(end).toMatchObject({ state: 'completed', result: { text: 'Done.' } })
})
