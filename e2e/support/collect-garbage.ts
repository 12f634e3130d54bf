/**
 * For `NODE_OPTIONS=--import`: collects a program's garbage up to ten times a second, in each of its threads, with at most
 * half of its time. What is resident is then what is held, and two runs can be compared.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

function collect(): void {
  const before = performance.now()
  gc()
  setTimeout(collect, Math.max(100, performance.now() - before)).unref()
}
collect()
