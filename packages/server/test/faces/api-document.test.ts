/** The API's own document: the server answers as it says. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRig, post, type Rig } from '#test/security/support/server'

interface Operation {
  summary?: string
  security?: Record<string, string[]>[]
  requestBody?: { required?: boolean; content: Record<string, { schema: unknown }> }
  parameters?: { in: string; name: string; required?: boolean }[]
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}
interface Schema {
  properties?: Record<string, { enum?: string[] }>
}

let rig: Rig
let document: { openapi: string; paths: Record<string, Record<string, Operation>> }

beforeAll(async () => {
  rig = await openRig({ config: { limits: { streamsPerUser: 1 } } })
  document = (await (await fetch(`${rig.url}/openapi.json`)).json()) as typeof document
})
afterAll(() => rig.stop())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
  )

const publicPaths = ['/healthz', '/readyz']

// Failed before: no route documented a refusal, and the public ones asked for a token.
it('the API document describes every route: purpose, callers, answers and refusals', () => {
  expect(document.openapi).toBe('3.1.0')
  expect(operations().length).toBeGreaterThan(15)
  for (const { name, path, operation } of operations()) {
    const statuses = Object.keys(operation.responses)
    expect([name, operation.summary]).not.toEqual([name, undefined])
    expect([name, statuses.some((status) => status.startsWith('2'))]).toEqual([name, true])
    expect([name, statuses]).toEqual([name, expect.arrayContaining(['408', '421', '431', '500'])])
    const isPublic = publicPaths.includes(path)
    expect([name, statuses.includes('401')]).toEqual([name, !isPublic])
    expect([name, operation.security?.length === 0]).toEqual([name, isPublic])
  }
})

it('the API document describes how the stream of a run is resumed, and that a ticket opens it', () => {
  for (const path of ['/api/runs/{id}/events', '/api/stream/{jobId}', '/api/agent/test/stream/{sessionId}']) {
    const { parameters = [], responses, security } = document.paths[path]?.get ?? { responses: {} }
    const names = parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
    expect(names).toEqual(
      expect.arrayContaining(['query after', 'query types', 'header last-event-id', 'header millrace-epoch']),
    )
    expect(parameters.filter((parameter) => parameter.in !== 'path' && parameter.required)).toEqual([])
    expect(Object.keys(responses['200']?.content ?? {})).toContain('text/event-stream')
    expect(responses['204']).not.toHaveProperty('content')
    expect(security).toEqual([{ bearer: [] }, { ticket: [] }])
  }
})

it('every refusal is as documented: status, type and code', async () => {
  const nobodys = '00000000-0000-4000-8000-000000000000'
  const refused: [string, string, string, RequestInit?][] = [
    ['post /api/runs', '/api/runs', rig.owner, post({ kind: 'job' })],
    [
      'post /api/runs',
      '/api/runs',
      rig.owner,
      { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'a' },
    ],
    ['post /api/runs', '/api/runs', 'nobody', post({})],
    ['get /api/runs', '/api/runs?limit=0', rig.owner],
    ['get /api/runs/{id}', `/api/runs/${nobodys}`, rig.owner],
    ['get /api/runs/{id}/events', `/api/runs/${nobodys}/events`, rig.owner],
    ['post /api/runs/{id}/retry', `/api/runs/${await rig.job(rig.owner, 'wait')}/retry`, rig.owner, post({})],
    ['post /api/runs/{id}/resume', `/api/runs/${await rig.job(rig.owner)}/resume`, rig.owner, post({})],
    [
      'post /api/runs/{id}/approvals/{approvalId}',
      `/api/runs/${await rig.job(rig.owner)}/approvals/${nobodys}`,
      rig.owner,
      post({ decision: 'allow' }),
    ],
    ['post /api/agent/test', '/api/agent/test', rig.owner, post({ projectId: 'here' })],
    ['post /api/agent/test', '/api/agent/test', rig.owner, { method: 'POST', body: 'prompt' }],
    ['post /api/agent/test', '/api/agent/test', 'nobody', post({})],
    ['get /api/agent/test/stream/{sessionId}', `/api/agent/test/stream/${nobodys}`, rig.owner],
    ['post /api/agent/test/abort/{sessionId}', `/api/agent/test/abort/${nobodys}`, rig.owner, post({})],
    ['get /metrics', '/metrics', rig.owner],
    ['post /api/admin/prune', '/api/admin/prune', rig.owner, post({})],
    ['post /api/tickets', '/api/tickets', rig.owner, post({ path: `/api/stream/${nobodys}` })],
    ['post /api/execute', '/api/execute', rig.owner, post({ toolId: 'none', projectId: 'here' })],
    ['get /api/stream/{jobId}', `/api/stream/${nobodys}`, rig.owner],
    ['post /api/realtime', '/api/realtime', 'nobody', post({})],
    ['post /api/realtime', '/api/realtime', 'nobody', post({ clientId: 'none' })],
    ['post /api/realtime/publish', '/api/realtime/publish', rig.owner, post({ topic: 'news', data: 1 })],
  ]
  for (const [name, path, token, init] of refused) {
    const response = await rig.as(token, path, init)
    const operation = operations().find((one) => one.name === name)?.operation
    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    const schema = operation?.responses[response.status]?.content?.[type]?.schema
    expect([name, response.status, schema !== undefined]).toEqual([name, expect.any(Number), true])
    const body = (await response.json()) as Record<string, string>
    expect(Object.keys(schema?.properties ?? {})).toEqual(expect.arrayContaining(Object.keys(body)))
    const codes = schema?.properties?.code?.enum
    if (codes !== undefined) expect([name, codes]).toEqual([name, expect.arrayContaining([body.code])])
  }
})

it('a refusal of a start that is a 409 elsewhere is documented as the 400 that it is on the sessions face', () => {
  const answers = document.paths['/api/agent/test']?.post?.responses ?? {}
  expect(answers['400']?.description).toContain('project_busy')
  expect(Object.keys(answers)).not.toContain('409')
  expect(document.paths['/api/runs']?.post?.responses['409']?.description).toContain('project_busy')
  const resume = document.paths['/api/runs/{id}/resume']?.post
  expect(resume?.responses['409']?.description).toMatch(
    /not_resumable[\s\S]*project_busy|project_busy[\s\S]*not_resumable/,
  )
  expect(resume?.requestBody?.required ?? false).toBe(false)
})

it('the page of the API document has its parts, and answers HEAD as GET', async () => {
  const parts: [path: string, status: number, type: string | null][] = [
    ['/docs', 200, 'text/html; charset=utf-8'],
    ['/docs/', 200, 'text/html; charset=utf-8'],
    ['/docs/static/index.html', 302, null],
    ['/docs/static/swagger-initializer.js', 200, 'application/javascript; charset=utf-8'],
    ['/docs/static/swagger-ui.css', 200, 'text/css; charset=utf-8'],
    ['/docs/json', 200, 'application/json; charset=utf-8'],
    ['/docs/yaml', 200, 'application/x-yaml'],
    ['/docs/static/none.js', 404, 'application/problem+json; charset=utf-8'],
    ['/docs/none', 404, 'application/problem+json; charset=utf-8'],
  ]
  for (const [path, status, type] of parts) {
    const answers = await Promise.all(
      ['GET', 'HEAD'].map((method) => fetch(rig.url + path, { method, redirect: 'manual' })),
    )
    const seen = answers.map((answer) => [path, answer.status, answer.headers.get('content-type')])
    expect(seen).toEqual([
      [path, status, type],
      [path, status, type],
    ])
    const [shown, head] = answers.map(({ headers }) => headers)
    expect(head?.get('content-security-policy')).toBe(shown?.get('content-security-policy'))
    expect(shown?.get('x-frame-options')).toBe('DENY')
  }
  expect(await (await fetch(`${rig.url}/docs/json`)).json()).toEqual(document)
})
