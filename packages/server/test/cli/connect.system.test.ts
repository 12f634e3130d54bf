import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { connect } from '#cli/connect'
import { defaultDataDir, stateRoot } from '#config/data-dir'
import { place } from './child.ts'

/** The pid of a process that is certainly gone. */
const deadPid = spawnSync('true').pid

function card(dataDir: string, port: number, pid = process.pid): void {
  mkdirSync(dataDir, { recursive: true })
  const content = { url: `http://127.0.0.1:${port}`, token: `token-${port}`, pid, startedAt: 1 }
  writeFileSync(join(dataDir, 'server.json'), JSON.stringify(content))
}

describe('the server a command talks to', () => {
  it('--url names the server, before MILLRACE_URL, with the token of the environment', async () => {
    const { cwd, env } = place()
    const named = { ...env, MILLRACE_URL: 'http://a.example', MILLRACE_TOKEN: 'secret' }
    expect((await connect({ env: named, cwd })).server).toEqual({ url: 'http://a.example', token: 'secret' })
    const { server } = await connect({ url: 'https://b.example/sub/', env: named, cwd })
    expect(server).toEqual({ url: 'https://b.example/sub', token: 'secret' })
    expect((await connect({ url: '127.0.0.1:4000', env: named, cwd })).server.url).toBe(
      'http://127.0.0.1:4000',
    )
  })

  it('a local server gets the token of its own server.json, and no other address does', async () => {
    const { cwd, env, dataDir } = place()
    card(dataDir, 4001)
    expect((await connect({ url: 'http://127.0.0.1:4001', env, cwd })).server.token).toBe('token-4001')
    for (const url of [
      'http://127.0.0.1:4002',
      'http://127.0.0.1.evil.example:4001',
      'https://127.0.0.1:4001',
    ]) {
      await expect(connect({ url, env, cwd })).rejects.toThrow(/MILLRACE_TOKEN is not set/)
    }
  })

  it('--data names the server of that directory and no other, even if its pid cannot be seen', async () => {
    const { cwd, env, dataDir } = place()
    card(dataDir, 4001)
    card(join(cwd, '../elsewhere'), 4002, deadPid)
    expect((await connect({ data: '../elsewhere', env, cwd })).server.token).toBe('token-4002')
    const elsewhere = { ...env, MILLRACE_URL: 'http://a.example', MILLRACE_TOKEN: 'secret' }
    expect((await connect({ data: '../elsewhere', env: elsewhere, cwd })).server.token).toBe('token-4002')
    const missing = { ...env, MILLRACE_DATA: '/nowhere' }
    await expect(connect({ env: missing, cwd })).rejects.toThrow(
      /no server runs on the data directory \/nowhere/,
    )
  })

  it('the server of this directory is used even if others run', async () => {
    const { cwd, env, dataDir } = place()
    card(dataDir, 4001)
    card(join(stateRoot(env), 'other-1'), 4002)
    expect(await connect({ env, cwd })).toMatchObject({ server: { token: 'token-4001' }, isElsewhere: false })
  })

  it('the only server on this machine is used; among several, nobody guesses', async () => {
    const { cwd, env } = place()
    await expect(connect({ env, cwd })).rejects.toThrow(/start one with "millrace serve"/)
    card(defaultDataDir(env, cwd), 4001, deadPid)
    card(join(stateRoot(env), 'other-1'), 4002)
    expect(await connect({ env, cwd })).toMatchObject({ server: { token: 'token-4002' }, isElsewhere: true })
    card(join(stateRoot(env), 'other-2'), 4003)
    await expect(connect({ env, cwd })).rejects.toThrow(/2 servers run .*\n.*4002.*--data.*\n.*4003/)
  })

  it('a restarted server is looked up in the same place only', async () => {
    const { cwd, env, dataDir } = place()
    card(dataDir, 4001)
    const connection = await connect({ env, cwd })
    card(dataDir, 4005)
    expect(await connection.again()).toEqual({ url: 'http://127.0.0.1:4005', token: 'token-4005' })
    card(join(stateRoot(env), 'other-1'), 4002)
    writeFileSync(join(dataDir, 'server.json'), '{"half')
    expect(await connection.again()).toBeNull()
  })

  it('an address that is not http is refused', async () => {
    const { cwd, env } = place()
    for (const url of ['ftp://x', 'http://', 'http://a b']) {
      await expect(connect({ url, env, cwd })).rejects.toThrow(/is not an http\(s\) address/)
    }
  })
})
