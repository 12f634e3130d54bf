/** Questions of an agent at one node, answered at another. */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenQuestion, Run } from '@millrace/protocol'
import { type Script, startScriptedModel } from '@millrace/scripted-model'
import { giveAway, modelKey } from '@millrace/test-support/agents'
import { cutListeners } from '@millrace/test-support/postgres-server'
import { post } from '@millrace/test-support/server'
import { expect, onTestFinished, test } from 'vitest'
import { openCluster, postgres } from './support/cluster.ts'

const heard = 5

/** The policy cannot read it, so it asks; it writes down when it runs. */
const command = `python3 -c "import time; print(time.time(), file=open('ran.txt', 'a'))"`
const script: Script = {
  name: 'asks again and again',
  steps: [
    { when: { turn: heard + 2 }, reply: { content: [{ type: 'text', text: 'done' }] } },
    { reply: { content: [{ type: 'tool_use', name: 'shell', input: { command } }] } },
  ],
}

test.skipIf(postgres === null)(
  'each answer that is given at another node makes one call, also where its hint is lost',
  async () => {
    const model = await startScriptedModel({ script, apiKey: modelKey })
    onTestFinished(() => model.close())
    const cluster = await openCluster({
      projects: { web: { path: 'web' } },
      policy: { approvals: 'on', unreadableBash: 'ask' },
      sandbox: { mode: 'off' },
    })
    onTestFinished(() => cluster.end())
    chmodSync(cluster.folder, 0o755)
    const project = join(cluster.folder, 'web')
    mkdirSync(project)
    giveAway(project)
    const start = (name: string) =>
      cluster.start(name, {
        env: { MILLRACE_ROLE: name, ANTHROPIC_API_KEY: modelKey, ANTHROPIC_BASE_URL: model.url },
      })
    const [web] = await Promise.all([start('web'), start('worker')])
    const known = async () => (await web.json<{ projects: { id: string }[] }>('/api/projects')).projects
    await expect.poll(known).toEqual([{ id: 'web' }])
    const body = { kind: 'execution', project: 'web', model: 'anthropic:told-by-us', task: 'Go' }
    const { run } = await web.json<{ run: Run }>('/api/runs', post(body))

    const ran = () => {
      try {
        return readFileSync(join(project, 'ran.txt'), 'utf8').split('\n').filter(Boolean).map(Number)
      } catch {
        return []
      }
    }
    const asked = async () =>
      (await web.json<{ approvals: OpenQuestion[] }>('/api/approvals')).approvals.map(
        ({ approvalId }) => approvalId,
      )
    /** Milliseconds from an answer to its call. */
    const answer = async () => {
      const before = ran().length
      await expect.poll(asked, { interval: 20 }).toHaveLength(1)
      const [id] = await asked()
      const answeredAt = Date.now()
      const { status } = await web.call(`/api/runs/${run.id}/approvals/${id}`, post({ decision: 'allow' }))
      expect(status).toBe(200)
      await expect.poll(() => ran().length, { interval: 5 }).toBe(before + 1)
      return (ran().at(-1) ?? 0) * 1000 - answeredAt
    }
    const times: number[] = []
    for (let n = 0; n < heard; n += 1) times.push(await answer())
    times.sort((one, other) => one - other)
    // Nobody hears anything from here on.
    let deaf = true
    const deafen = (async () => {
      while (deaf) {
        await cluster.query(cutListeners)
        await sleep(10)
      }
    })()
    const late = await answer()
    deaf = false
    await deafen
    const end = async () => (await web.json<{ run: Run }>(`/api/runs/${run.id}`)).run
    await expect.poll(end).toMatchObject({ state: 'completed' })
    console.log(
      `answer at another node: its call ran after ${times[heard >> 1]?.toFixed()} ms (median), without hints after ${late.toFixed()} ms`,
    )
    expect(ran()).toHaveLength(heard + 1)
  },
)
