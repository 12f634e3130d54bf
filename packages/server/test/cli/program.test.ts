import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { main } from '#cli/program'

/** Runs the command line inside this process. */
async function called(...argv: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = await main(argv, { stdout, stderr, env: {}, cwd: process.cwd() })
  stdout.end()
  stderr.end()
  return { code, stdout: await text(stdout), stderr: await text(stderr) }
}

test('every command of the help can be called by its name', async () => {
  const help = await called('--help')
  expect(help).toMatchObject({ code: 0, stderr: '' })
  const [, list = ''] = /\nCommands:\n(.*?)\n\n/s.exec(help.stdout) ?? []
  const names = [...list.matchAll(/^ {2}([a-z]+) .*$/gm)].map(([, name]) => String(name))
  expect(names).toEqual(expect.arrayContaining(['serve', 'run', 'ask', 'deny', 'restore', 'doctor']))
  for (const name of names.filter((name) => name !== 'help')) {
    const { code, stdout } = await called(name, '--help')
    expect([name, code, stdout]).toEqual([name, 0, expect.stringMatching(`^Usage: millrace ${name}\\b`)])
  }
})

test('an unknown command is wrong usage, and the nearest name is suggested', async () => {
  const { code, stdout, stderr } = await called('rums')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toBe("error: unknown command 'rums'\n(Did you mean runs?)\n")
})
