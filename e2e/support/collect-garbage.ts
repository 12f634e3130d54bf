/**
 * For `NODE_OPTIONS=--import`: collects a program's garbage ten times a second, in each of its threads.
 * What is resident is then what is held, and two runs can be compared.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
setInterval(collect, 100).unref()
