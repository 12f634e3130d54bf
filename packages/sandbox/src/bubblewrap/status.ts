/** What bubblewrap reports on its status descriptor: lines of JSON. */
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LaunchReader } from '#launcher/launcher'
import { signalName } from '#launcher/launcher'
import type { ProcessExit } from '#sandbox'

const longestReadMs = 5000

export class BoundaryStatus {
  /** Pid, outside, of the first process inside; null when bubblewrap ended before there was one. */
  readonly began: Promise<number | null>
  /** The program's exit code. Reported only when the program was really executed. */
  private exitCode: number | null = null
  private text = ''
  /** Settles when nothing more can be reported. */
  private readonly told: Promise<void>
  private readonly launch: LaunchReader | null

  constructor(
    child: { once(event: 'error', failed: () => void): unknown },
    pipe: Readable,
    /** What the launcher inside reports. Null where there is no launcher for this machine. */
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

  /** To be asked when bubblewrap has ended; `code` and `signal` are its own. */
  async exitOf(code: number | null, signal: NodeJS.Signals | null, ended: boolean): Promise<ProcessExit> {
    if (signal !== null) return { code: null, signal }
    // Its end may be heard of before its last report is read, which is in the pipe by now.
    if (this.exitCode === null || this.launch?.last() === null) await this.lastReport()
    const known = this.exitCode ?? code
    const report = this.launch?.last() ?? null
    if (report?.kind === 'errno' || (this.exitCode === null && report === null && !ended)) {
      return { code: known, signal: null, neverBegan: true }
    }
    if (report?.kind === 'exit') return { code: report.code, signal: null }
    if (report?.kind === 'signal') return { code: null, signal: report.signal }
    // bubblewrap reports a signal as shells do: 128 and the signal's number. Without a launcher's report that
    // cannot be told from an exit code; a launcher that reports nothing was itself killed.
    const name = known === null ? undefined : signalName(known - 128)
    return name === undefined ? { code: known, signal: null } : { code: null, signal: name }
  }

  /** Bounded, since a stranger may hold the pipe open. */
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
