import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isRoot, Workspace } from '@millrace/test-support/workspace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '#sandbox'
import { auditArch, calls } from '#seccomp/calls'
import { seccompFilter } from '#seccomp/filter'

const workspace = new Workspace()
const mine = workspace.project('mine')
const theirs = workspace.project('theirs', 'somebody')
let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await workspace.open([mine, theirs])
})
afterAll(() => workspace.close())

/** A system call by its number, as a program that knows no C library makes it. */
const call = (name: string, ...args: (string | number)[]) => {
  const table = process.arch === 'arm64' ? calls.arm64 : calls.x64
  return `perl -e 'my @a = (${args.join(', ')}); print syscall(${table[name]}, @a) == -1 ? "refused ".($!+0) : "done", "\\n"'`
}

describe.each([
  ['a project of the server’s own user', mine],
  ['a project of somebody else', theirs],
])('in %s', (_name, project) => {
  const sh = async (script: string, options = {}) =>
    (await workspace.sh(sandbox, project, script, options)).stdout

  it.each([
    ['cp and chmod', 'cp /bin/true s; chmod 6755 s'],
    ['cp --preserve of a set-uid program', 'cp -p /bin/su s'],
    ['install', 'install -m 4755 /bin/true s'],
    ['a group’s bit', 'cp /bin/true s; chmod g+s s'],
    ['a file that is created with it', 'perl -MFcntl -e \'sysopen(F, "s", O_CREAT|O_WRONLY, 04755)\''],
    ['tar', 'tar c --mode=u+s -C /bin true | tar xp'],
    ['node', 'cp /bin/true s; node -e "fs.chmodSync(\'s\', 0o4755)"'],
    ['a file in memory that is linked', call('openat', -100, '"."', 0o20200002, 0o4755)],
    ['fchmodat2', `cp /bin/true s; ${call('fchmodat2', -100, '"s"', 0o4755, 0)}`],
  ])('no set-uid or set-gid file is left: %s', async (_how, script) => {
    await sh(`rm -f s true; ${script}; true`)
    const found = readdirSync(project).filter((name) => (statSync(join(project, name)).mode & 0o6000) !== 0)
    expect(found).toEqual([])
  })

  it('ordinary modes can be set, and files created without a mode', async () => {
    const script =
      'umask 0; touch f; for m in 600 755 1777; do chmod $m f; stat -c %a f; done; mkdir -m 700 d; cat f'
    expect(await sh(`rm -rf f d; ${script}; stat -c %a d`)).toBe('600\n755\n1777\n700\n')
  })

  it('a device cannot be made, a pipe can', async () => {
    expect(
      await sh('rm -f n p; mknod n c 1 3 2>/dev/null || echo refused; mknod p p && test -p p && echo made'),
    ).toBe('refused\nmade\n')
  })

  it.each([
    ['keyctl', call('keyctl', 0, -3, 1)],
    ['add_key', call('add_key', '"user"', '"k"', '"v"', 1, -2)],
    ['bpf', call('bpf', 0, 0, 0)],
    ['userfaultfd', call('userfaultfd', 0)],
    ['io_uring_setup', call('io_uring_setup', 1, 0)],
    ['perf_event_open', call('perf_event_open', 0, 0, -1, -1, 0)],
    ['open_by_handle_at', call('open_by_handle_at', -100, 0, 0)],
    ['fsopen', call('fsopen', '"tmpfs"', 0)],
  ])('%s is refused, and nothing is killed', async (_name, script) => {
    expect(await sh(script)).toBe('refused 1\n')
  })

  it('openat2 does not exist, so that callers use what can be judged', async () => {
    expect(await sh(call('openat2', -100, '"f"', 0, 0))).toBe('refused 38\n')
  })
})

it('a tool with a sandbox of its own may mount in its own namespace', async () => {
  // As an ordinary user: root without capabilities may map no user to root.
  const script = 'unshare --user --map-root-user --mount mount -t tmpfs x /tmp && echo mounted'
  const ran = await workspace.sh(sandbox, theirs, script, { allowNestedSandbox: true })
  expect(ran).toMatchObject({ stdout: 'mounted\n', stderr: '' })
})

it.runIf(isRoot)('the canary: without a boundary the bit can be set', async () => {
  const loose = await workspace.open([mine], { mode: 'off' })
  expect((await workspace.sh(loose, mine, 'cp /bin/true c; chmod 4755 c; stat -c %a c; rm c')).stdout).toBe(
    '4755\n',
  )
})

/** What the kernel would answer, by executing the filter here. */
function answerOf(filter: Buffer, arch: number, nr: number, args: number[] = []): string {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(nr >>> 0, 0)
  data.writeUInt32LE(arch, 4)
  for (const [index, arg] of args.entries()) data.writeUInt32LE(arg >>> 0, 16 + 8 * index)
  let register = 0
  for (let at = 0; at < filter.length / 8; at++) {
    const [ifTrue, ifFalse, value] = [
      filter[at * 8 + 2] ?? 0,
      filter[at * 8 + 3] ?? 0,
      filter.readUInt32LE(at * 8 + 4),
    ]
    const branch = (holds: boolean) => (at += holds ? ifTrue : ifFalse)
    const code = filter.readUInt16LE(at * 8)
    if (code === 0x06) return answers.get(value ?? 0) ?? `${value}`
    if (code === 0x20) register = data.readUInt32LE(value)
    else if (code === 0x54) register = (register & value) >>> 0
    else if (code === 0x05) at += value
    else if (code === 0x15) branch(register === value)
    else if (code === 0x35) branch(register >= value)
    else if (code === 0x45) branch((register & value) !== 0)
    else throw new Error(`unknown instruction ${code}`)
  }
  throw new Error('the program has no end')
}

const answers = new Map([
  [0x7fff0000, 'allow'],
  [0x50001, 'EPERM'],
  [0x50026, 'ENOSYS'],
  [0x5005f, 'EOPNOTSUPP'],
])

describe.each([
  ['x64', 'x64'],
  ['x64', 'ia32'],
  ['arm64', 'arm64'],
] as const)('on %s, for programs of %s', (machine, arch) => {
  const filter = seccompFilter({ mayMount: false }, machine) ?? Buffer.alloc(0)
  const nested = seccompFilter({ mayMount: true }, machine) ?? Buffer.alloc(0)
  const table = calls[arch]
  const ask = (name: string, ...args: number[]) => answerOf(filter, auditArch[arch], table[name] ?? -1, args)

  it('modes are judged where they are arguments, and only when something is created', () => {
    for (const [mode, answer] of [
      [0o4755, 'EPERM'],
      [0o2755, 'EPERM'],
      [0o1777, 'allow'],
      [0o100644, 'allow'],
    ] as const) {
      expect([ask('fchmod', 3, mode), ask('fchmodat', -100, 0, mode), ask('mkdirat', -100, 0, mode)]).toEqual(
        [answer, answer, answer],
      )
      expect(ask('openat', -100, 0, 0o101, mode)).toBe(answer)
      expect(ask('openat', -100, 0, 0o20200002, mode)).toBe(answer)
      expect(ask('openat', -100, 0, 0o2, mode)).toBe('allow')
      expect(ask('mknodat', -100, 0, mode & 0o7777)).toBe(answer)
    }
    expect(ask('mknodat', -100, 0, 0o020666)).toBe('EPERM')
    expect(ask('mknodat', -100, 0, 0o060666)).toBe('EPERM')
    expect(ask('mknodat', -100, 0, 0o010666)).toBe('allow')
    expect(ask('openat2')).toBe('ENOSYS')
    for (const mode of [0, 1, 0x10]) expect(ask('fallocate', 3, mode)).toBe('EOPNOTSUPP')
    for (const mode of [3, 0x08]) expect(ask('fallocate', 3, mode)).toBe('allow')
  })

  it('what no run needs is refused, mounts only without a sandbox of the tool’s own, and all else allowed', () => {
    for (const name of ['bpf', 'keyctl', 'io_uring_enter', 'userfaultfd']) expect(ask(name)).toBe('EPERM')
    for (const name of ['mount', 'umount2', 'move_mount', 'mount_setattr']) {
      expect(ask(name)).toBe('EPERM')
      expect(answerOf(nested, auditArch[arch], table[name] ?? -1)).toBe('allow')
    }
    const named = new Set(Object.values(table))
    for (let nr = 0; nr < 600; nr++) {
      if (!named.has(nr)) expect(answerOf(filter, auditArch[arch], nr, [-1, -1, -1, -1])).toBe('allow')
    }
  })

  it('calls of another architecture do not exist', () => {
    expect(answerOf(filter, 0xc000_0015, 1)).toBe('ENOSYS')
    if (arch === 'x64')
      expect(answerOf(filter, auditArch.x64, 0x40000000 + (calls.x64.chmod ?? 0), [0, 0o4755])).toBe('ENOSYS')
  })
})

it('there is no filter for a machine it was not written for', () => {
  expect(seccompFilter({ mayMount: false }, 's390x')).toBeNull()
})
