/**
 * `millrace serve`: opens the server, announces its address, and stops it in order.
 *
 * Owns the process's signals while the server is open. The first one stops the server, even if it arrives
 * while the server is still opening; a second one, over a second later, ends the process at once.
 */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { forgetBrowserPage, openBrowser } from '#cli/browser'
import { exitCodeOfSignal, exitCodes } from '#cli/exit-codes'
import { installSignals, type StopSignal } from '#cli/signals'
import { CliError, type Io, Terminal } from '#cli/terminal'
import type { ServeOptions, Serving } from '#compose/serve'
import type { Config } from '#config/config'
import { loadConfig } from '#config/load'
import { ConfigError } from '#config/problems'
import type { ConfigFlags } from '#config/settings'
import { createLog } from '#telemetry/log'
import { type CommandContext, type JsonFlags, withJson } from './command.ts'

interface ServeFlags extends ConfigFlags, JsonFlags {
  open?: boolean
}

interface ServeParts {
  serve(options: ServeOptions): Promise<Serving>
  openBrowser: typeof openBrowser
  /** Ends the process at once. */
  exit(code: number): void
  /** A stop that takes longer is cut off. */
  stopMs: number
}

const ofThisProcess: ServeParts = {
  // Loaded once the configuration is known to be valid.
  serve: async (options) => (await import('#compose/serve')).serve(options),
  openBrowser,
  exit: (code) => process.exit(code),
  stopMs: 10_000,
}

export function declare(program: Command, { io, end }: CommandContext): void {
  withJson(program.command('serve').description('start a server'))
    .option('--config <file>', 'configuration file (default: millrace.config.{ts,js,json} if it exists)')
    .option('--host <host>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <port>', 'port to listen on, 0 for any (default: 4000)')
    .option('--data <dir>', 'data directory, outside every project')
    .option('--store <url>', 'Postgres database of several nodes (default: a store in the data directory)')
    .option('--role <role>', 'of several nodes: "all", "web" (only serves) or "worker" (only works)')
    .option('--open', 'open the page in the browser of this machine, logged in')
    .action(async (flags: ServeFlags) => end(await serveCommand(flags, io)))
}

export async function serveCommand(
  flags: ServeFlags,
  io: Io,
  parts: ServeParts = ofThisProcess,
): Promise<number> {
  const dropped = io.survive?.() ?? (() => 0)
  const config = await loadOrExplain(flags, io)
  const log = createLog(config.logLevel)
  for (const notice of config.notices ?? []) log.info(notice)
  for (const warning of config.warnings) log.warn(warning)

  const asked = Promise.withResolvers<StopSignal>()
  const release = installSignals({
    onFirst: (signal) => asked.resolve(signal),
    onSecond: (signal) => parts.exit(exitCodeOfSignal(signal)),
    hangup: true,
  })
  const onFatal = (error: Error) => {
    log.fatal({ err: error }, 'the store failed')
    parts.exit(exitCodes.failed)
  }
  try {
    // A person sees the runs; a program that keeps the log keeps the requests, too.
    const requestLevel = io.stderr.isTTY ? 'debug' : 'info'
    const checks = async () => {
      // They try out the agent engine, too: loaded when somebody asks.
      const { runChecks } = await import('#cli/doctor/checks')
      return runChecks({ config: flags.config, data: flags.data }, io)
    }
    const serving = await parts.serve({ config, log, onFatal, checks, http: { requestLevel } })
    // Nobody may be there to read it; the server runs anyway.
    await announce(serving, new Terminal(io, { json: flags.json ?? false }), io).catch(() => undefined)
    if (flags.open) void open(serving, config, io, parts)
    const reason = await asked.promise
    if (dropped() > 0) log.warn({ dropped: dropped() }, 'output could not be written and was dropped')
    if (flags.open) await forgetBrowserPage(config.dataDir)
    return await stopWithin(parts.stopMs, serving, reason, io)
  } catch (error) {
    throw explained(error, config, log)
  } finally {
    release()
  }
}

async function loadOrExplain(flags: ConfigFlags, io: Io): Promise<Config> {
  try {
    return await loadConfig({ flags, env: io.env, cwd: io.cwd })
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, exitCodes.config) : error
  }
}

/** A program reads one JSON line; the login address is for the person at the terminal. */
async function announce({ url, publicUrl, loginUrl }: Serving, terminal: Terminal, io: Io): Promise<void> {
  const others = publicUrl === url ? {} : { publicUrl }
  if (io.stdout.isTTY && !terminal.json) {
    await terminal.line('')
    await terminal.line(`Millrace is listening on ${publicUrl}. Press Ctrl-C to stop it.`)
    await terminal.line('')
    await terminal.line('  Open this address to log your browser in (once, within 10 minutes):')
    await terminal.line('')
    await terminal.line(`  ${terminal.styled(['bold', 'cyan'], loginUrl)}`)
    await terminal.line('')
    return
  }
  await terminal.value({ event: 'listening', url, ...others, pid: process.pid })
  io.stderr.write(`Log in (once, within 10 minutes): ${loginUrl}\n`)
}

async function open(serving: Serving, config: Config, io: Io, parts: ServeParts): Promise<void> {
  const fault = await parts.openBrowser(serving.loginUrl, { env: io.env, dataDir: config.dataDir })
  if (fault !== null) io.stderr.write(`millrace: no browser was opened (${fault}): open the address above\n`)
}

async function stopWithin(ms: number, serving: Serving, reason: string, io: Io): Promise<number> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  try {
    if ((await Promise.race([serving.stop(reason), late])) !== 'late') return exitCodes.ok
    io.stderr.write(`millrace: not stopped after ${ms / 1000} s: exiting anyway\n`)
    return exitCodes.failed
  } finally {
    clearTimeout(timer)
  }
}

/** Explains a failed start to a person: its message; the stack only in the debug log. */
function explained(error: unknown, config: Config, log: Logger): CliError {
  log.debug({ err: error }, 'the server could not start')
  const { code, syscall, message } = error as NodeJS.ErrnoException
  const address = `${config.host}:${config.port}`
  if (code === 'EADDRINUSE') {
    const text = `${address} is in use by another program; choose another port with --port, or 0 for any`
    return new CliError(text, exitCodes.failed)
  }
  const listening = syscall === 'listen' || syscall === 'getaddrinfo'
  return new CliError(listening ? `cannot listen on ${address}: ${message}` : message, exitCodes.failed)
}
