import { describe, expect, it } from 'vitest'
import { place, run, start } from './child.ts'

describe('the commands of sessions against a real server', () => {
  it('ask shows the demo session, follow shows the same again, and it is listed', async () => {
    const where = place()
    const server = start(['serve', '--port', '0'], where, { ANTHROPIC_API_KEY: '' })
    await server.says('"listening"')
    const asked = await run(['ask', 'Fix the failing test', '--project', 'demo'], where)
    expect(asked).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^This is the scripted demo model: a fixed script, not an AI.*All tests pass\./s,
      ),
      stderr: expect.stringContaining('-- scripted demo model: a fixed script, not an AI\n'),
    })
    expect(asked.stderr).toMatch(
      /● Bash npm test\n.*● Edit src\/duration\.js\n.*-- 1 file changed \(\+2 −2\), 2 commands \(1 failed\)\n {3}M src\/duration\.js \(\+2 −2\)\n-- completed\n$/s,
    )
    const { runs } = JSON.parse((await run(['runs', '--json'], where)).stdout)
    expect(await run(['follow', runs[0].id], where)).toEqual(asked)
    expect((await run(['runs'], where)).stdout).toContain('Fix the failing test')
    const again = await run(['resume', runs[0].id], where)
    expect(again.code).toBe(0)
    server.process.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
  })
})
