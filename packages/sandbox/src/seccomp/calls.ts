/**
 * Numbers of the system calls that the filter looks at. The names are those of the kernel's tables
 * (`arch/x86/entry/syscalls/*.tbl`, `include/uapi/asm-generic/unistd.h`).
 */

/** `AUDIT_ARCH_*` of linux/audit.h. */
export const auditArch = { x64: 0xc000003e, ia32: 0x40000003, arm64: 0xc00000b7 } as const

/** Of asm-generic, and the same everywhere since they are newer than the split. */
const everywhere = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  openat2: 437,
  mount_setattr: 442,
  fchmodat2: 452,
  open_tree_attr: 467,
}

export type CallTable = Readonly<Record<string, number>>

export const calls: Readonly<Record<keyof typeof auditArch, CallTable>> = {
  x64: {
    ...everywhere,
    open: 2,
    mkdir: 83,
    creat: 85,
    chmod: 90,
    fchmod: 91,
    mknod: 133,
    pivot_root: 155,
    mount: 165,
    umount2: 166,
    kexec_load: 246,
    add_key: 248,
    request_key: 249,
    keyctl: 250,
    openat: 257,
    mkdirat: 258,
    mknodat: 259,
    fchmodat: 268,
    perf_event_open: 298,
    open_by_handle_at: 304,
    kexec_file_load: 320,
    bpf: 321,
    userfaultfd: 323,
  },
  ia32: {
    ...everywhere,
    open: 5,
    creat: 8,
    mknod: 14,
    chmod: 15,
    mount: 21,
    umount: 22,
    mkdir: 39,
    umount2: 52,
    fchmod: 94,
    pivot_root: 217,
    kexec_load: 283,
    add_key: 286,
    request_key: 287,
    keyctl: 288,
    openat: 295,
    mkdirat: 296,
    mknodat: 297,
    fchmodat: 306,
    perf_event_open: 336,
    open_by_handle_at: 342,
    bpf: 357,
    userfaultfd: 374,
  },
  arm64: {
    ...everywhere,
    mknodat: 33,
    mkdirat: 34,
    umount2: 39,
    mount: 40,
    pivot_root: 41,
    fchmod: 52,
    fchmodat: 53,
    openat: 56,
    kexec_load: 104,
    add_key: 217,
    request_key: 218,
    keyctl: 219,
    perf_event_open: 241,
    open_by_handle_at: 265,
    bpf: 280,
    userfaultfd: 282,
    kexec_file_load: 294,
  },
}
