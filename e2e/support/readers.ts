/** Followers in processes of their own, so that the process of the test stays light. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ReaderPlan, ReaderReport } from './reader-child.ts'

const program = fileURLToPath(new URL('./reader-child.ts', import.meta.url))

type Followers = Extract<ReaderReport, { kind: 'over' }>['followers']

export interface Readers {
  pid: number | undefined
  /** What paused followers wait for. */
  resume: () => void
  /** Resolves when every stream is over. Rejects when the process ended before. */
  over: Promise<Followers>
  end: () => void
}

/** Resolves when all its followers have the headers of their streams. */
export async function startReaders(plan: ReaderPlan): Promise<Readers> {
  const child = fork(program, [JSON.stringify(plan)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await next(child, 'open')
  const over = next(child, 'over').then((report) => (report.kind === 'over' ? report.followers : []))
  over.catch(() => {})
  return {
    pid: child.pid,
    resume: () => child.send('resume'),
    over,
    end: () => child.kill('SIGKILL'),
  }
}

async function next(child: ChildProcess, kind: ReaderReport['kind']): Promise<ReaderReport> {
  const { promise, resolve, reject } = Promise.withResolvers<ReaderReport>()
  child.on('message', (message) => {
    const report = message as ReaderReport
    if (report.kind === kind) resolve(report)
  })
  void once(child, 'exit').then(([code]) => reject(new Error(`the readers ended with ${code}`)))
  return promise
}
