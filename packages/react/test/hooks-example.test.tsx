/** The README's example, unchanged: a view that follows and a control that starts. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { act } from 'react'
import { expect, it } from 'vitest'
import { MillraceProvider } from '#provider'
import { mount, strictly } from './support/mount.tsx'
import { App } from './support/readme-example.tsx'
import { Frames, json, scriptedClient } from './support/scripted-client.ts'

it('the example of the README starts an execution and shows what it does', async () => {
  const frames = new Frames()
  const client = scriptedClient(async () => json({ executionId: 'e1' }, 201))
  const page = await mount(
    strictly(
      <MillraceProvider client={client} schedule={frames.schedule}>
        <App />
      </MillraceProvider>,
    ),
  )
  const button = (name: string) =>
    [...page.container.querySelectorAll('button')].find(({ textContent }) => textContent === name)
  expect(button('Cancel')?.disabled).toBe(true)
  await act(async () => button('Start')?.click())
  client.only('e1').become('open')
  client.only('e1').queued('execution')
  const phases = [{ id: 'a', name: 'Read', status: 'pending' }]
  client.only('e1').say('plan:created', { plan: { goal: 'A tidy folder', phases } })
  client.only('e1').say('phase:start', { phaseId: 'a', phaseName: 'Read', phaseIndex: 0 })
  client.only('e1').say('thinking', { thought: 'Which files?', iteration: 1 })
  await frames.next()
  expect(page.container.textContent).toContain('open')
  expect(page.container.textContent).toContain('A tidy folder')
  expect(page.container.textContent).toContain('Read: active')
  expect(page.container.textContent).toContain('Which files?')
  expect(button('Cancel')?.disabled).toBe(false)
  client.only('e1').say('execution:complete', { result: 'tidy', duration: 1, tokensUsed: 2 })
  await frames.next()
  expect(button('Start')?.disabled).toBe(false)
})

it('the example is in the README as it is tested', () => {
  const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
  const example = read('support/readme-example.tsx').replace("'#index'", "'@millrace/react'")
  expect(read('../README.md')).toContain(`\`\`\`tsx\n${example}\`\`\``)
})
