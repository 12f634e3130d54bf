/** What Linux says about a process. */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: fixed by the kernel's interface on every platform Node runs on. */
const ticksPerSecond = 100
const pageSize = 4096

/** Seconds of processor time of all threads of the processes, in user and system mode. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = statFields(pid)
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

export function residentBytes(pids: readonly number[]): number {
  let pages = 0
  for (const pid of pids) pages += Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
  return pages * pageSize
}

/** The most that the process ever had resident (`VmHWM`). */
export function peakResidentBytes(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  return Number(line?.[1]) * 1024
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)
}

export function threads(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length
}

/** The fields after the program's name, which may hold anything. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
