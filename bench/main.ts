/** `npm run bench -- <name>`: one benchmark, its table on stdout, its figures in `results/`. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { drawCharts } from './charts.ts'
import type { Board } from './measure/board.ts'
import { releaseOnSignal } from './measure/scratch.ts'
import { type Options, readOptions, usage } from './options.ts'
import { boot, rest } from './suite/boot.ts'
import { burst, connect } from './suite/burst.ts'
import { fanout } from './suite/fanout.ts'
import { gzip } from './suite/gzip.ts'
import { idle } from './suite/idle.ts'
import { ingest } from './suite/ingest.ts'
import { listing } from './suite/listing.ts'
import { nodes } from './suite/nodes.ts'
import { output } from './suite/output.ts'
import { producers } from './suite/producers.ts'
import { realtime } from './suite/realtime.ts'
import { resume } from './suite/resume.ts'
import { soak } from './suite/soak/soak.ts'
import { start } from './suite/start.ts'
import { storm } from './suite/storm.ts'
import { text } from './suite/text.ts'

const suite: Record<string, (options: Options) => Promise<Board>> = {
  fanout,
  ingest,
  resume,
  idle,
  storm,
  output,
  start,
  producers,
  nodes,
  gzip,
  boot,
  rest,
  connect,
  burst,
  realtime,
  listing,
  text,
}

releaseOnSignal()
const asked = readOptions(process.argv.slice(2))
const names = asked?.name === 'all' ? Object.keys(suite) : [asked?.name ?? '']
if (asked?.name === 'charts') {
  console.error(`${drawCharts()} charts`)
} else if (asked?.name === 'soak') {
  process.exitCode = (await soak(asked.options)) ? 0 : 1
} else if (asked === null || names.some((name) => !(name in suite))) {
  console.error(usage)
  process.exitCode = 2
} else {
  for (const name of names) await runBenchmark(name, asked.options)
}

async function runBenchmark(name: string, options: Options): Promise<void> {
  const startedAt = new Date()
  const machine = describeMachine()
  console.error(
    `${name}: ${machine.cpus} × ${machine.cpu}, load ${machine.load.map((load) => load.toFixed(1)).join(' ')}`,
  )
  const board = await suite[name]?.(options)
  if (board === undefined) return
  console.log(`\n${board.toMarkdown()}\n`)
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const took = Math.round((Date.now() - startedAt.getTime()) / 1000)
  const stamp = startedAt.toISOString().replace(/[:.]/g, '-')
  const result = { name, startedAt, took, machine, options, ...(board.toJSON() as object) }
  writeFileSync(join(folder, `${name}-${stamp}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

/** `load` is that of before the benchmark: where it is not small, something else was running. */
function describeMachine() {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    load: loadavg(),
    openFiles: Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })),
  }
}
