/**
 * A long day in short: followers that come, go, stall and return, jobs that end, fail to and are
 * aborted. Once a minute it reads what the server holds, and at the end it says whether that is flat.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { middle } from '../../measure/board.ts'
import { settling } from '../../measure/child.ts'
import { openDescriptors, residentBytes } from '../../measure/proc.ts'
import { type Scratch, withScratch } from '../../measure/scratch.ts'
import type { Options } from '../../options.ts'
import { type MillraceServer, readMetric, startMillrace } from '../../peers/millrace.ts'
import { preparePrinting } from '../../printer/printing.ts'
import { Crowd } from './crowd.ts'

const followers = 200
const jobsPerMinute = 50
const linesPerSecond = 20

/** The growth allowed between the first readings after the start and the last ones. */
const mostGrowth = 1.15
const mostMoreDescriptors = 8
/** Readings that are left out: code is being compiled, pools are finding their size. */
const settlingShare = 0.2

interface Reading {
  residentMb: number
  descriptors: number
  threads: number
  followers: number
  feeds: number
  runsStarted: number
}

/** Prints a line a minute; true when nothing grew. */
export async function soak({ minutes }: Options): Promise<boolean> {
  return withScratch(async (scratch) => {
    const server = await openServer(scratch)
    const crowd = new Crowd(server, { followers, jobsPerMinute })
    scratch.onRelease(() => crowd.stop())
    const atRest = await read(server, crowd)
    await crowd.start()
    const readings: Reading[] = []
    print(0, atRest)
    for (let minute = 1; minute <= minutes; minute++) {
      await sleep(60_000)
      const reading = await read(server, crowd)
      readings.push(reading)
      print(minute, reading)
    }
    await crowd.stop()
    await sleep(10_000)
    const afterwards = await read(server, crowd)
    print(minutes, afterwards)
    return verdict(readings, { atRest, afterwards }, crowd.faults)
  })
}

async function openServer(scratch: Scratch): Promise<MillraceServer> {
  const folder = scratch.folder()
  const printing = preparePrinting(folder)
  printing.rate(linesPerSecond)
  const shell = (script: string) => ({ command: ['sh', '-c', script] })
  return startMillrace(scratch, {
    dataDir: join(folder, 'data'),
    project: printing.folder,
    jobs: 8,
    node: settling,
    tools: {
      ticker: { command: ['node', 'printer.ts'], timeoutSeconds: null },
      short: shell('for i in 1 2 3 4 5; do echo "line $i"; echo "warning $i" >&2; sleep 0.2; done'),
      burst: shell('i=0; while [ $i -lt 2000 ]; do echo "line $i of a burst"; i=$((i+1)); done'),
      failing: shell('echo "about to fail"; exit 3'),
      stubborn: shell('trap "" TERM; sleep 60 & wait; sleep 60'),
    },
  })
}

async function read(server: MillraceServer, crowd: Crowd): Promise<Reading> {
  const { pid } = server.child
  server.child.process.kill('SIGUSR2')
  await sleep(500)
  return {
    residentMb: residentBytes([pid]) / 1e6,
    descriptors: openDescriptors(pid),
    threads: Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    followers: await readMetric(server, 'millrace_followers'),
    feeds: await readMetric(server, 'millrace_feeds'),
    runsStarted: crowd.runsStarted,
  }
}

function print(minute: number, reading: Reading): void {
  const { residentMb, descriptors, threads, followers: open, feeds, runsStarted } = reading
  const minuteText = `${minute}`.padStart(4)
  console.log(
    `${minuteText} min: ${residentMb.toFixed(1)} MB, ${descriptors} descriptors, ${threads} threads, ${open} followers, ${feeds} feeds, ${runsStarted} jobs so far`,
  )
}

function verdict(
  readings: Reading[],
  ends: { atRest: Reading; afterwards: Reading },
  faults: string[],
): boolean {
  const { atRest, afterwards } = ends
  const steady = readings.slice(Math.floor(readings.length * settlingShare))
  const third = Math.max(1, Math.floor(steady.length / 3))
  const growth =
    middle(steady.slice(-third).map(({ residentMb }) => residentMb)) /
    middle(steady.slice(0, third).map(({ residentMb }) => residentMb))
  const left = afterwards.descriptors - atRest.descriptors
  const complaints = [...faults]
  if (growth > mostGrowth) complaints.push(`memory grew by the factor ${growth.toFixed(2)}`)
  if (left > mostMoreDescriptors) complaints.push(`${left} descriptors were left open`)
  if (afterwards.followers > 0) complaints.push(`${afterwards.followers} followers were left`)
  if (afterwards.threads > atRest.threads)
    complaints.push(`${afterwards.threads - atRest.threads} threads were left`)
  const summary = `memory × ${growth.toFixed(2)} from the first third to the last, ${left} more descriptors at the end than at the start`
  console.log(
    complaints.length === 0 ? `flat: ${summary}` : `NOT FLAT: ${complaints.join('; ')} (${summary})`,
  )
  return complaints.length === 0
}
