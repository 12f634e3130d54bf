import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { demoProject, demoScript, loadScript, startScriptedModel } from '#index'
import { makePlace, resultOf, runAgent } from './support/agent.ts'

function testsPass(project: string): boolean {
  return spawnSync('npm', ['test'], { cwd: project }).status === 0
}

describe('the demo', () => {
  it('repairs the sample project for real, in any directory', async () => {
    const place = makePlace()
    cpSync(demoProject, place.project, { recursive: true })
    expect(testsPass(place.project)).toBe(false)

    const model = await startScriptedModel({ script: { ...loadScript(demoScript), pauseMs: 0 } })
    onTestFinished(() => model.close())
    const run = await runAgent(model, 'Fix the failing test', place)

    expect(testsPass(place.project)).toBe(true)
    const said = run.messages.flatMap((message) =>
      message.type === 'assistant' ? message.message.content : [],
    )
    expect(said[0]).toMatchObject({ type: 'text', text: expect.stringContaining('scripted demo model') })
    expect(said.flatMap((block) => (block.type === 'tool_use' ? [block.name] : []))).toEqual([
      'Bash',
      'Read',
      'Edit',
      'Bash',
    ])
    expect(resultOf(run)).toMatchObject({
      is_error: false,
      total_cost_usd: 0,
      result: expect.stringContaining('scripted demo model'),
    })

    const again = await runAgent(model, 'Fix the failing test', place)
    expect(resultOf(again)).toMatchObject({
      is_error: false,
      result: expect.stringMatching(/^All tests already pass/),
    })
  })

  it('says that it is a script and stops in a project that it was not made for', async () => {
    const model = await startScriptedModel({ script: { ...loadScript(demoScript), pauseMs: 0 } })
    onTestFinished(() => model.close())
    const run = await runAgent(model, 'Write me a compiler', makePlace())
    expect(resultOf(run)).toMatchObject({
      is_error: false,
      result: expect.stringMatching(/^The scripted demo model stops here/),
    })
  })

  it('claims no repair where the tests of another project pass under a plan', async () => {
    const model = await startScriptedModel({ script: { ...loadScript(demoScript), pauseMs: 0 } })
    onTestFinished(() => model.close())
    const [plan, tests] = ['plan-1', 'tests-1']
    const tool = 'mcp__millrace__plan'
    const messages = [
      { role: 'user', content: 'Fix the failing test' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: plan, name: tool, input: {} },
          { type: 'tool_use', id: tests, name: 'Bash', input: { command: 'npm test' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: plan, content: 'noted' },
          { type: 'tool_result', tool_use_id: tests, content: 'all good' },
        ],
      },
    ]
    const answer = await fetch(`${model.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'made-up-key' },
      body: JSON.stringify({ model: 'any', max_tokens: 100, system: `call ${tool}`, messages }),
    })
    expect(await answer.json()).toMatchObject({
      content: [{ text: expect.stringMatching(/^The scripted demo model stops here[\s\S]*all good$/) }],
    })
  })
})
