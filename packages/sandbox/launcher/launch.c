/*
 * launch FD [git] [tty=COLUMNSxROWS] [channel=FD listen=PORT…] -- PROGRAM [ARGUMENT…]: runs a program and reports on descriptor FD how it really ended.
 *
 * bubblewrap reports an end by signal n as the exit code 128 + n, as shells do, and programs use such codes
 * themselves: `git branch --no-such-option` exits with 129. Only the parent of a process can tell the two apart,
 * so this is the parent. One line is written: "exit <code>", "signal <number>", or "errno <number>" when the
 * program could not be executed.
 *
 * With `git`, it also lets git change the private copies of its configuration, see git-config.h. With
 * `tty=`, the program has a terminal of that size, see terminal.h. Each `listen=` is a
 * port inside on which the server answers, see listen.h.
 *
 * Freestanding (no C library), so that one small file runs on any Linux. Built by build.sh.
 */
#include "system.h"
#include "git-config.h"
#include "terminal.h"
#include "listen.h"

static void say(const char *text) {
  writeAll(2, text, lengthOf(text));
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
  char line[64];
  char *end = appendText(appendNumber(appendText(appendText(line, what), " "), value), "\n");
  writeAll(fd, line, (word)(end - line));
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

/* Serves the run until the child has ended. */
static void attend(long child, int renames, int terminal, word fd) {
  long ended = sys(SYS_pidfd_open, (word)child, 0, 0, 0);
  while ((renames >= 0 || terminal >= 0) && ended >= 0) {
    struct pollfd watched[3] = {{(int)ended, POLLIN, 0}, {renames, POLLIN, 0}, {terminal, POLLIN, 0}};
    if (sys(SYS_ppoll, (word)watched, 3, 0, 0) < 0) continue;
    if (watched[0].revents) break;
    if (watched[1].revents & POLLIN) answerRename(renames, fd);
    else if (watched[1].revents) renames = -1;
    if (watched[2].revents && !copyOutput(terminal)) terminal = -1;
  }
  if (terminal >= 0) copyRest(terminal);
}

__attribute__((used, noreturn)) void begin(word *stack) {
  word argc = stack[0];
  char **argv = (char **)(stack + 1);
  char **envp = argv + argc + 1;
  word fd = argc > 1 ? numberOf(argv[1]) : 0, at = 2;
  int wantsGit = 0;
  const char *size = 0;
  word channel = 0;
  sys(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0);
  for (; at < argc && !isSame(argv[at], "--"); at++)
    if (isSame(argv[at], "git")) wantsGit = 1;
    else if (startsWith(argv[at], "tty=")) size = argv[at] + 4;
    else if (startsWith(argv[at], "channel=")) channel = numberOf(argv[at] + 8);
    else if (startsWith(argv[at], "listen=")) offerPort(channel, numberOf(argv[at] + 7));
  if (channel) sys(SYS_close, channel, 0, 0, 0);
  char **program = argv + at + 1;
  if (at + 1 >= argc) sys(SYS_exit_group, 2, 0, 0, 0);
  /* What ends the run's processes is for the program. This one ends with it. */
  word all = ~0ul, before = 0;
  sys(SYS_sigprocmask, SIG_BLOCK, (word)&all, (word)&before, sizeof before);
  int renames = wantsGit ? watchRenames() : -1;
  struct terminal terminal = {-1, -1};
  if (size) terminal = openTerminal(size);
  if (size && terminal.main < 0) say("there is no terminal for the program\n");
  long child = sys(SYS_clone, SIGCHLD, 0, 0, 0);
  if (child <= 0) {
    long failed = child;
    if (child == 0) {
      sys(SYS_sigprocmask, SIG_SETMASK, (word)&before, 0, sizeof before);
      if (terminal.main >= 0) enterTerminal(terminal);
      failed = execute(program, envp);
    }
    say("cannot execute ");
    say(program[0]);
    say(": ");
    say(reasonFor(failed));
    say("\n");
    report(fd, "errno", (word)-failed);
    sys(SYS_exit_group, failed == -ENOENT ? 127 : 126, 0, 0, 0);
  }
  if (terminal.other >= 0) sys(SYS_close, (word)terminal.other, 0, 0, 0);
  attend(child, renames, terminal.main, fd);
  int status = 0;
  while (sys(SYS_wait4, (word)child, (word)&status, 0, 0) == -EINTR) {}
  word signal = (word)status & 0x7f, code = ((word)status >> 8) & 0xff;
  if (signal) report(fd, "signal", signal);
  else report(fd, "exit", code);
  sys(SYS_exit_group, signal ? 128 + signal : code, 0, 0, 0);
  __builtin_unreachable();
}
