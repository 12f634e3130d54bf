/**
 * A follower that stops reading for the whole of a large job, while others read. The peak of the
 * server's memory is compared with that of another fresh server running the same job without that follower.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '@millrace/protocol'
import { scratchFolder } from '@millrace/test-support/folders'
import { startJob } from '@millrace/test-support/jobs'
import { type ServerProcess, startServer } from '@millrace/test-support/server'
import { expect, it } from 'vitest'
import type { Counted } from './support/frame-counter.ts'
import { type Readers, startReaders } from './support/readers.ts'

const full = Boolean(process.env.MILLRACE_TEST_FULL)
// The log must be larger than what the paused follower may cost, or a copy of it would not be noticed.
// Long lines are few events, which cost the machine less than their bytes.
const { megabytes, lineChars, followers, allowedMegabytes } = full
  ? { megabytes: 200, lineChars: 1000, followers: 100, allowedMegabytes: 50 }
  : { megabytes: 32, lineChars: 8000, followers: 1, allowedMegabytes: 24 }
/** Followers share a process, so that the machine's other core has no more than two of them to run. */
const processes = 2
/** A machine that is busy with something else may collect late; a kept log is there each time. */
const attempts = 3

const script = `
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
while (!existsSync('go')) await sleep(20)
const filling = 'x'.repeat(${lineChars - 20})
let line = 0
for (let written = 0; written < ${megabytes} * 1e6; ) {
  let text = ''
  for (let n = 0; n < 64; n++) text += String(++line).padStart(12, '0') + ' ' + filling + '\\n'
  written += text.length
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}
`

/** Garbage returns to the system at once: it would otherwise outweigh the difference looked for. */
const memoryThatTells = {
  NODE_OPTIONS: `--max-semi-space-size=1 --import=${new URL('./support/collect-garbage.ts', import.meta.url)}`,
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TRIM_THRESHOLD_: '65536',
}

interface Measurement {
  /** Of the server, in megabytes, while the job ran and the others read. */
  peak: number
  events: number
  reading: (Counted & { ended: boolean })[]
  paused: (Counted & { ended: boolean })[]
}

it(`a paused follower costs no memory for what it has not read, and receives all of it when it reads again (${megabytes} MB, ${followers} others)`, {
  timeout: full ? 3_600_000 : 600_000,
}, async () => {
  const peaks: { without: number; with: number }[] = []
  do {
    const alone = await measure(0)
    const { peak, events, reading, paused } = await measure(1)
    peaks.push({ without: alone.peak, with: peak })
    expect(events).toBeGreaterThan((megabytes * 1e6) / lineChars)
    for (const follower of [...reading, ...paused]) {
      expect(follower).toMatchObject({ events, gap: null, ended: true })
    }
    expect(paused).toHaveLength(1)
    // The digest of a follower that was never paused.
    expect(paused[0]?.digest).toBe(reading.find(({ digest }) => digest !== null)?.digest)
  } while (peaks.every(isOver) && peaks.length < attempts)
  console.log(`peaks in MB: ${JSON.stringify(peaks)}`)
  expect(peaks.every(isOver), JSON.stringify(peaks)).toBe(false)
})

function isOver(peaks: { without: number; with: number }): boolean {
  return peaks.with > peaks.without + allowedMegabytes
}

async function measure(pausedFollowers: number): Promise<Measurement> {
  const scratch = scratchFolder()
  for (const folder of ['web', 'data']) mkdirSync(join(scratch.path, folder))
  writeFileSync(join(scratch.path, 'web', 'flood.mjs'), script)
  const server = await startServer({
    cwd: scratch.path,
    dataDir: join(scratch.path, 'data'),
    env: memoryThatTells,
    config: {
      projects: { web: { path: join(scratch.path, 'web') } },
      tools: { flood: { command: ['node', 'flood.mjs'] } },
      limits: { streamsPerUser: 1000 },
    },
  })
  const readers: Readers[] = []
  try {
    const id = await startJob(server, 'flood')
    const plan = { url: `${server.url}/api/stream/${id}`, token: server.token, paused: false, digest: false }
    const share = Math.floor((followers - 1) / processes)
    const plans = [
      { ...plan, followers: 1, digest: true },
      { ...plan, followers: share },
      { ...plan, followers: followers - 1 - share },
    ].filter((each) => each.followers > 0)
    for (const each of plans) readers.push(await startReaders(each))
    const reading = [...readers]
    const paused: Readers[] = []
    if (pausedFollowers > 0) {
      paused.push(await startReaders({ ...plan, followers: pausedFollowers, paused: true, digest: true }))
      readers.push(...paused)
    }
    writeFileSync(join(scratch.path, 'web', 'go'), '')
    const read = (await Promise.all(reading.map(({ over }) => over))).flat()
    const peak = peakMegabytes(server)
    const { run } = await server.json<{ run: Run }>(`/api/runs/${id}`)
    expect(run.state).toBe('completed')
    for (const { resume } of paused) resume()
    const caughtUp = (await Promise.all(paused.map(({ over }) => over))).flat()
    return { peak, events: run.head, reading: read, paused: caughtUp }
  } finally {
    for (const { end } of readers) end()
    await server.end()
    scratch.dispose()
  }
}

/** The kernel's own record of the greatest resident size so far: no sample can miss it. */
function peakMegabytes({ pid }: ServerProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024)
}
