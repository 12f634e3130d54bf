/** What bubblewrap reports on its status descriptor: lines of JSON. */
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LaunchReader } from '#launcher/launcher'
import { signalName } from '#launcher/launcher'
import type { ProcessExit } from '#sandbox'

const longestReadMs = 5000

export class BoundaryStatus {
  /** The pid, seen from outside, of the first process inside. Null if bubblewrap ended before there was one. */
  readonly began: Promise<number | null>
  /** The program's exit code. bubblewrap reports it only if the program was really executed. */
  private exitCode: number | null = null
  private text = ''
  /** Settles when nothing more can be reported. */
  private readonly told: Promise<void>
  private readonly launch: LaunchReader | null

  constructor(
    child: { once(event: 'error', failed: () => void): unknown },
    pipe: Readable,
    /** The report of the launcher inside. Null if there is no launcher for this machine. */
    launch: LaunchReader | null = null,
  ) {
    this.launch = launch
    const reported = new Promise<void>((resolve) => pipe.once('close', resolve))
    this.told = Promise.all([reported, launch?.closed]).then(() => {})
    this.began = new Promise((resolve) => {
      pipe.on('data', (chunk: Buffer) => {
        const pid = this.take(chunk)
        if (pid !== null) resolve(pid)
      })
      pipe.on('error', () => resolve(null))
      pipe.on('end', () => resolve(null))
      child.once('error', () => resolve(null))
    })
  }

  /** Call it when bubblewrap has ended, with its own `code` and `signal`. */
  async exitOf(code: number | null, signal: NodeJS.Signals | null, ended: boolean): Promise<ProcessExit> {
    if (signal !== null) return { code: null, signal }
    // The end may be noticed before the last report is read, which is already in the pipe.
    if (this.exitCode === null || this.launch?.last() === null) await this.lastReport()
    const known = this.exitCode ?? code
    const report = this.launch?.last() ?? null
    if (report?.kind === 'errno' || (this.exitCode === null && report === null && !ended)) {
      return { code: known, signal: null, neverBegan: true }
    }
    if (report?.kind === 'exit') return { code: report.code, signal: null }
    if (report?.kind === 'signal') return { code: null, signal: report.signal }
    // Like a shell, bubblewrap reports a signal as 128 plus its number. Without the launcher's report, that
    // looks like an exit code. A launcher that reports nothing was itself killed.
    const name = known === null ? undefined : signalName(known - 128)
    return name === undefined ? { code: known, signal: null } : { code: null, signal: name }
  }

  /** Bounded, because a foreign process may keep the pipe open. */
  private async lastReport(): Promise<void> {
    const stop = new AbortController()
    const late = sleep(longestReadMs, undefined, { signal: stop.signal }).catch(() => {})
    await Promise.race([this.told, late])
    stop.abort()
  }

  private take(chunk: Buffer): number | null {
    this.text += chunk.toString('utf8')
    let pid: number | null = null
    for (let end = this.text.indexOf('\n'); end !== -1; end = this.text.indexOf('\n')) {
      const line: unknown = JSON.parse(this.text.slice(0, end))
      this.text = this.text.slice(end + 1)
      const { 'child-pid': childPid, 'exit-code': exitCode } = line as Record<string, unknown>
      if (typeof childPid === 'number') pid = childPid
      if (typeof exitCode === 'number') this.exitCode = exitCode
    }
    return pid
  }
}
