import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { place, run } from './child.ts'

describe('millrace config', () => {
  it('config prints each value in effect and where it comes from', async () => {
    const where = place({
      'millrace.config.json': { projects: { web: { path: '.' } }, limits: { streams: 7 } },
    })
    const ended = await run(['config', '--print', '--port', '5000'], where, {
      MILLRACE_TOKEN: 'not-to-be-shown',
    })
    expect(ended.code).toBe(0)
    const rows = ended.stdout.split('\n').map((line) => line.split(/ {2,}/))
    expect(rows[0]).toEqual(['key', 'value', 'from'])
    expect(rows).toContainEqual(['http.port', '5000', '--port'])
    expect(rows).toContainEqual(['limits.streams', '7', `${where.cwd}/millrace.config.json`])
    expect(rows).toContainEqual(['MILLRACE_TOKEN', '"********"', 'MILLRACE_TOKEN'])
    expect(ended.stdout).not.toContain('not-to-be-shown')
  })

  it('config of a wrong file lists its problems and ends with 78, as a start would', async () => {
    const ended = await run(['config'], place({ 'millrace.config.json': { projects: {}, limit: {} } }))
    expect(ended).toMatchObject({ code: 78, stdout: '' })
    expect(ended.stderr).toContain('  limit: ')
  })

  it('config --schema prints where the JSON schema is', async () => {
    const { stdout } = await run(['config', '--schema', '--json'], place())
    expect(existsSync((JSON.parse(stdout) as { schema: string }).schema)).toBe(true)
  })
})
