/** A real Redis on a free port of loopback, which keeps nothing. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { quietPort } from '@millrace/test-support/server'
import { onTestFinished } from 'vitest'

const program = (process.env.PATH ?? '')
  .split(':')
  .flatMap((folder) => [`${folder}/redis-server`, `${folder}/valkey-server`])
  .find(existsSync)

/** False: neither Redis nor Valkey is installed here, and the tests are left out. */
export const hasRedis = program !== undefined

export interface RedisServer {
  url: string
  kill(): Promise<void>
  start(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  const port = await quietPort()
  let child: ChildProcess | null = null
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
      child = spawn(program ?? '', [...flags, '--dir', tmpdir()], { stdio: 'ignore' })
      while (!(await listens(port))) await new Promise((done) => setTimeout(done, 20))
    },
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
  onTestFinished(() => server.kill())
  await server.start()
  return server
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
