import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { type ScriptedModel, startScriptedModel } from '@millrace/scripted-model'
import { type Example, startExample } from '@millrace/test-support/example'
import { scratchFolder } from '@millrace/test-support/folders'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))
const folder = scratchFolder()
const project = join(folder.path, 'project')
const nobody = 65_534
const anna = { Authorization: 'Bearer key-of-anna' }
const bert = { Authorization: 'Bearer key-of-bert' }
const words = ['One, ', 'two, ', 'three.']
let model: ScriptedModel
let example: Example
let url = ''

beforeAll(async () => {
  chmodSync(folder.path, 0o755)
  mkdirSync(project)
  // An agent never works as root.
  if (process.getuid?.() === 0) chownSync(project, nobody, nobody)
  model = await startScriptedModel({
    script: {
      name: 'a script of the test',
      steps: [
        {
          when: { text: 'count' },
          reply: { content: [{ type: 'text', text: words, hold: 'word' }] },
        },
        {
          when: { text: 'write' },
          reply: {
            content: [
              {
                type: 'tool_use',
                name: 'Write',
                input: { file_path: '{{cwd}}/made.txt', content: 'by the agent' },
              },
            ],
          },
        },
        { when: { text: 'wait' }, reply: { content: [{ type: 'text', text: 'Waiting', hold: 'for ever' }] } },
        {
          when: { toolResult: { tool: 'Write' } },
          reply: { content: [{ type: 'text', text: 'It is there.' }] },
        },
      ],
    },
  })
  example = await startExample(main, {
    PROJECT: project,
    MILLRACE_DATA: join(folder.path, 'data'),
    ANTHROPIC_API_KEY: 'made-up',
    ANTHROPIC_BASE_URL: model.url,
  })
  url = example.url
})
afterAll(async () => {
  await example.end()
  await model.close()
  folder.dispose()
})

function start(prompt: string, headers = anna): Promise<Response> {
  return fetch(`${url}/api/agent/test`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt, projectId: 'web' }),
  })
}

async function started(prompt: string): Promise<string> {
  const answer = await start(prompt)
  const body = (await answer.json()) as { success: boolean; sessionId: string }
  expect([answer.status, body.success]).toEqual([201, true])
  return body.sessionId
}

/** What has come through compression so far, unpacked as it comes. */
function follow(path: string): () => string {
  let text = ''
  const headers = { ...anna, 'Accept-Encoding': 'gzip' }
  const request = get(url + path, { headers }, (response) => {
    const plain = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
    plain.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  })
  request.on('error', () => {})
  onTestFinished(() => void request.destroy())
  return () => text
}

const arrived = (seen: () => string, part: string) => expect.poll(seen, { timeout: 60_000 }).toContain(part)
const abort = (id: string, headers = anna) =>
  fetch(`${url}/api/agent/test/abort/${id}`, { method: 'POST', headers })

test('each delta of the model arrives through compression before the next one is produced', async () => {
  const id = await started('Please count')
  const stream = follow(`/api/agent/test/stream/${id}`)
  const said = follow(`/said/${id}`)
  for (const [index, word] of words.entries()) {
    await model.reached('word', index + 1)
    expect(stream()).not.toContain(`"text":${JSON.stringify(word)}`)
    model.release('word')
    await arrived(stream, `"text":${JSON.stringify(word)}`)
  }
  await arrived(stream, 'event: completed')
  for (const type of ['system', 'stream_event', 'assistant', 'result'])
    expect(stream()).toContain(`event: ${type}\n`)
  await arrived(said, `${words.join('')}\n(completed)\n`)
})

test('what the agent wrote is there when the session is completed', async () => {
  const id = await started('Please write')
  const text = await (await fetch(`${url}/api/agent/test/stream/${id}`, { headers: anna })).text()
  expect(text).toMatch(/event: completed\ndata: .*"state":"completed"/)
  expect(readFileSync(join(project, 'made.txt'), 'utf8')).toBe('by the agent')
})

test('a session belongs to who started it, holds its project, and ends when it is aborted', async () => {
  const id = await started('Please wait')
  const path = `/api/agent/test/stream/${id}`
  expect((await fetch(url + path)).status).toBe(401)
  expect((await fetch(url + path, { headers: bert })).status).toBe(404)
  expect((await fetch(`${url}/said/${id}`, { headers: bert })).status).toBe(404)
  expect((await abort(id, bert)).status).toBe(404)
  const busy = await start('Please count', bert)
  expect([busy.status, await busy.json()]).toEqual([
    400,
    { success: false, error: 'Project already has an active agent session' },
  ])
  const stream = follow(path)
  await model.reached('for ever')
  const aborted = await abort(id)
  expect([aborted.status, await aborted.json()]).toEqual([200, { success: true }])
  await arrived(stream, 'event: aborted')
  expect((await abort(id)).status).toBe(409)
})

test('a stop tells whoever follows a session why it ended, and leaves with code 0', async () => {
  const id = await started('Please wait')
  const stream = follow(`/api/agent/test/stream/${id}`)
  await model.reached('for ever', 2)
  await arrived(stream, 'event: system')
  example.child.kill('SIGTERM')
  expect(await example.exited).toEqual([0, null])
  await arrived(stream, 'event: interrupted')
  expect(stream()).toContain('The application is being updated')
})

// Failed before: only SIGTERM was a stop, and a terminal's Ctrl-C left the copy of the project behind.
test('a Ctrl-C, which comes twice through npx, is a stop that leaves nothing behind', async () => {
  const temporary = scratchFolder()
  onTestFinished(temporary.dispose)
  const alone = await startExample(main, {
    PROJECT: '',
    TMPDIR: temporary.path,
    MILLRACE_DATA: join(folder.path, 'data-alone'),
    ANTHROPIC_API_KEY: '',
    ANTHROPIC_BASE_URL: '',
  })
  onTestFinished(() => void alone.child.kill('SIGKILL'))
  expect(readdirSync(temporary.path)).not.toEqual([])
  alone.child.kill('SIGINT')
  alone.child.kill('SIGINT')
  expect(await alone.exited).toEqual([0, null])
  expect(readdirSync(temporary.path)).toEqual([])
})
