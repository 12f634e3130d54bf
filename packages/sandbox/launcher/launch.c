/*
 * launch FD PROGRAM [ARGUMENT…]: runs a program and reports on descriptor FD how it really ended.
 *
 * bubblewrap reports an end by signal n as the exit code 128 + n, as shells do, and programs use such codes
 * themselves: `git branch --no-such-option` exits with 129. Only the parent of a process can tell the two apart,
 * so this is the parent. One line is written: "exit <code>", "signal <number>", or "errno <number>" when the
 * program could not be executed.
 *
 * Freestanding (no C library), so that one small file runs on any Linux. Built by build.sh.
 */
typedef unsigned long word;

#if defined(__x86_64__)
enum { SYS_write = 1, SYS_sigprocmask = 14, SYS_clone = 56, SYS_execve = 59, SYS_wait4 = 61, SYS_fcntl = 72, SYS_exit_group = 231 };

static long sys(long number, word a, word b, word c, word d) {
  long result;
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = 0;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call begin\n");
#elif defined(__aarch64__)
enum { SYS_write = 64, SYS_sigprocmask = 135, SYS_clone = 220, SYS_execve = 221, SYS_wait4 = 260, SYS_fcntl = 25, SYS_exit_group = 94 };

static long sys(long number, word a, word b, word c, word d) {
  register long x8 __asm__("x8") = number;
  register word x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  register word x3 __asm__("x3") = d;
  register word x4 __asm__("x4") = 0;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return (long)x0;
}

__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  bl begin\n");
#else
#error "no system calls for this machine"
#endif

enum { F_SETFD = 2, FD_CLOEXEC = 1, SIG_BLOCK = 0, SIG_SETMASK = 2, SIGCHLD = 17 };
enum { ENOENT = 2, EINTR = 4, ENOEXEC = 8, EACCES = 13, ENOTDIR = 20 };
enum { PATH_MAX = 4096, ARGUMENTS_MAX = 65536 };

static word numberOf(const char *text) {
  word value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (word)(*text - '0');
  return value;
}

static void say(const char *text) {
  word length = 0;
  while (text[length]) length++;
  sys(SYS_write, 2, (word)text, length, 0);
}

static const char *reasonFor(long failed) {
  switch (-failed) {
    case ENOENT: return "No such file or directory";
    case EACCES: return "Permission denied";
    case ENOEXEC: return "Exec format error";
    default: return "the kernel refused it";
  }
}

static void report(word fd, const char *what, word value) {
  char line[64], digits[24];
  word length = 0, count = 0;
  for (; *what; what++) line[length++] = *what;
  line[length++] = ' ';
  do digits[count++] = (char)('0' + value % 10); while ((value /= 10) > 0);
  while (count > 0) line[length++] = digits[--count];
  line[length++] = '\n';
  sys(SYS_write, fd, (word)line, length, 0);
}

/* A file that is neither a program nor begins with #! is a script of the shell's, as execvp(3) has it. */
static char *shellArguments[ARGUMENTS_MAX];

static long executeFile(char *path, char **argv, char **envp) {
  long failed = sys(SYS_execve, (word)path, (word)argv, (word)envp, 0);
  if (failed != -ENOEXEC) return failed;
  word count = 0;
  shellArguments[count++] = "/bin/sh";
  shellArguments[count++] = path;
  for (char **next = argv + 1; *next; next++) {
    if (count >= ARGUMENTS_MAX - 1) return failed;
    shellArguments[count++] = *next;
  }
  shellArguments[count] = 0;
  return sys(SYS_execve, (word) "/bin/sh", (word)shellArguments, (word)envp, 0);
}

/* Returns only when it failed, with the negative errno. */
static long execute(char **argv, char **envp) {
  for (char *at = argv[0]; *at; at++)
    if (*at == '/') return executeFile(argv[0], argv, envp);
  const char *path = "/usr/local/bin:/usr/bin:/bin";
  for (char **entry = envp; *entry; entry++)
    if ((*entry)[0] == 'P' && (*entry)[1] == 'A' && (*entry)[2] == 'T' && (*entry)[3] == 'H' && (*entry)[4] == '=') path = *entry + 5;
  long worst = -ENOENT;
  for (;;) {
    char file[PATH_MAX];
    word length = 0;
    while (*path && *path != ':' && length < PATH_MAX - 2) file[length++] = *path++;
    if (length == 0) file[length++] = '.';
    file[length++] = '/';
    for (const char *at = argv[0]; *at && length < PATH_MAX - 1; at++) file[length++] = *at;
    file[length] = 0;
    long failed = executeFile(file, argv, envp);
    if (failed == -EACCES) worst = failed;
    else if (failed != -ENOENT && failed != -ENOTDIR) return failed;
    if (!*path) return worst;
    path++;
  }
}

__attribute__((used, noreturn)) void begin(word *stack) {
  word argc = stack[0];
  char **argv = (char **)(stack + 1);
  char **envp = argv + argc + 1;
  if (argc < 3) sys(SYS_exit_group, 2, 0, 0, 0);
  word fd = numberOf(argv[1]);
  sys(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0);
  /* What ends the run's processes is for the program. This one ends with it. */
  word all = ~0ul, before = 0;
  sys(SYS_sigprocmask, SIG_BLOCK, (word)&all, (word)&before, sizeof before);
  long child = sys(SYS_clone, SIGCHLD, 0, 0, 0);
  if (child <= 0) {
    long failed = child;
    if (child == 0) {
      sys(SYS_sigprocmask, SIG_SETMASK, (word)&before, 0, sizeof before);
      failed = execute(argv + 2, envp);
    }
    say("cannot execute ");
    say(argv[2]);
    say(": ");
    say(reasonFor(failed));
    say("\n");
    report(fd, "errno", (word)-failed);
    sys(SYS_exit_group, failed == -ENOENT ? 127 : 126, 0, 0, 0);
  }
  int status = 0;
  while (sys(SYS_wait4, (word)child, (word)&status, 0, 0) == -EINTR) {}
  word signal = (word)status & 0x7f, code = ((word)status >> 8) & 0xff;
  if (signal) report(fd, "signal", signal);
  else report(fd, "exit", code);
  sys(SYS_exit_group, signal ? 128 + signal : code, 0, 0, 0);
  __builtin_unreachable();
}
