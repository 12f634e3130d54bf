/**
 * The program that the kernel asks about each system call of a run (seccomp, classic BPF), for bubblewrap's
 * `--seccomp`. It refuses what no run needs and the mounts cannot hold: set-uid and set-gid bits, devices, and
 * parts of the kernel with a long record of faults. A refused call fails; nothing is killed.
 *
 * One section for each architecture that the machine executes, one block for each call:
 *
 *     ld nr; jeq <call> else skip the block; <block>; … ; ret allow
 *
 * Only arguments can be looked at, never what they point to: `openat2`, whose mode lies in memory, does
 * not exist (ENOSYS), and callers then use `openat`.
 */
import { Buffer } from 'node:buffer'
import { auditArch, type CallTable, calls } from './calls.ts'

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

// linux/bpf_common.h
const load = 0x20
const and = 0x54
const jump = 0x05
const jumpIfEqual = 0x15
const jumpIfAtLeast = 0x35
const jumpIfAny = 0x45
const answer = 0x06

// linux/seccomp.h: SECCOMP_RET_*, and the offsets of struct seccomp_data
const allow: Instruction = [answer, 0, 0, 0x7fff0000]
const refuse: Instruction = [answer, 0, 0, 0x00050000 | 1 /* EPERM */]
const unsupported: Instruction = [answer, 0, 0, 0x00050000 | 95 /* EOPNOTSUPP */]
const missing: Instruction = [answer, 0, 0, 0x00050000 | 38 /* ENOSYS */]
const numberOffset = 0
const archOffset = 4
/** Of the low half: both machines are little-endian, and modes and flags fit in it. */
const argumentOffset = (index: number) => 16 + 8 * index

const setIdBits = 0o6000
const creates = 0o100 /* O_CREAT */ | 0o20000000 /* __O_TMPFILE */
const fileType = 0o170000
const characterDevice = 0o020000
const blockDevice = 0o060000
/** x32: the calls of x64 once more, under other numbers. */
const x32Bit = 0x40000000

const ifSetId = (mode: number): Instruction[] => [
  [load, 0, 0, argumentOffset(mode)],
  [jumpIfAny, 0, 1, setIdBits],
  refuse,
  allow,
]

/** Without these flags the mode is whatever was in the register. */
const ifCreatesSetId = (flags: number, mode: number): Instruction[] => [
  [load, 0, 0, argumentOffset(flags)],
  [jumpIfAny, 1, 0, creates],
  allow,
  ...ifSetId(mode),
]

const ifDevice = (mode: number): Instruction[] => [
  [load, 0, 0, argumentOffset(mode)],
  [and, 0, 0, fileType],
  [jumpIfEqual, 1, 0, characterDevice],
  [jumpIfEqual, 0, 1, blockDevice],
  refuse,
  ...ifSetId(mode),
]

/** What takes room without writing is nobody's: the guard of the disk counts what processes write. Callers write then. */
const unlessItFrees: Instruction[] = [
  [load, 0, 0, argumentOffset(1)],
  [jumpIfAny, 1, 0, 0x02 /* FALLOC_FL_PUNCH_HOLE */ | 0x08 /* FALLOC_FL_COLLAPSE_RANGE */],
  unsupported,
  allow,
]

const always: Readonly<Record<string, Instruction[]>> = {
  chmod: ifSetId(1),
  fchmod: ifSetId(1),
  fchmodat: ifSetId(2),
  fchmodat2: ifSetId(2),
  creat: ifSetId(1),
  mkdir: ifSetId(1),
  mkdirat: ifSetId(2),
  open: ifCreatesSetId(1, 2),
  openat: ifCreatesSetId(2, 3),
  openat2: [missing],
  fallocate: unlessItFrees,
  mknod: ifDevice(1),
  mknodat: ifDevice(2),
}

const refusedAlways = [
  ...['add_key', 'request_key', 'keyctl'],
  ...['kexec_load', 'kexec_file_load', 'bpf', 'perf_event_open', 'userfaultfd'],
  // Opens files with a mode of its own, past this filter.
  ...['io_uring_setup', 'io_uring_enter', 'io_uring_register'],
  'open_by_handle_at',
]

const mounts = [
  ...['mount', 'umount', 'umount2', 'pivot_root', 'open_tree', 'open_tree_attr', 'move_mount'],
  ...['fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr'],
]

export interface FilterOptions {
  /** A sandbox of the tool's own mounts things in its namespace. */
  mayMount: boolean
}

/** Null on a machine that the filter was not written for. */
export function seccompFilter({ mayMount }: FilterOptions, machine: string = process.arch): Buffer | null {
  const section = (table: CallTable, first: Instruction[] = []) => [
    [load, 0, 0, numberOffset] as const,
    ...first,
    ...blocksOf(table, mayMount),
    allow,
  ]
  if (machine === 'x64') {
    const noX32: Instruction[] = [[jumpIfAtLeast, 0, 1, x32Bit], missing]
    return encode([
      [load, 0, 0, archOffset],
      ...forArch(auditArch.x64, section(calls.x64, noX32)),
      ...forArch(auditArch.ia32, section(calls.ia32)),
      missing,
    ])
  }
  if (machine !== 'arm64') return null
  return encode([[load, 0, 0, archOffset], ...forArch(auditArch.arm64, section(calls.arm64)), missing])
}

/** A conditional jump reaches 255 instructions, an unconditional one any number. */
function forArch(arch: number, section: readonly Instruction[]): Instruction[] {
  return [[jumpIfEqual, 1, 0, arch], [jump, 0, 0, section.length], ...section]
}

function blocksOf(table: CallTable, mayMount: boolean): Instruction[] {
  const refused = [...refusedAlways, ...(mayMount ? [] : mounts)]
  const blocks = { ...always, ...Object.fromEntries(refused.map((name) => [name, [refuse]])) }
  return Object.entries(blocks).flatMap(([name, block]): Instruction[] => {
    const number = table[name]
    return number === undefined ? [] : [[jumpIfEqual, 0, block.length, number], ...block]
  })
}

/** An array of `struct sock_filter`. */
function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8)
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(ifTrue, index * 8 + 2)
    bytes.writeUInt8(ifFalse, index * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4)
  }
  return bytes
}
