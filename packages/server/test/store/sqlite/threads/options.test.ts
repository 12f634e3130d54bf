import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { scratchFolder } from '@millrace/test-support/folders'
import { expect, it, onTestFinished } from 'vitest'

const options = import.meta.resolve('#store/sqlite/thread-options')
const startAThread = (cache: string | null) => `
  import module from 'node:module'
  import { Worker } from 'node:worker_threads'
  import { threadOptions } from '${options}'
  if (${cache !== null}) module.enableCompileCache(${JSON.stringify(cache)})
  new Worker("import { getCompileCacheDir } from 'node:module'; console.log(getCompileCacheDir() ?? 'none')", { eval: true, ...threadOptions() })`

it('the threads of a store use the cache of compiled code that their process uses, or none', async () => {
  const scratch = scratchFolder()
  onTestFinished(() => scratch.dispose())
  const { NODE_COMPILE_CACHE: _ofTheTests, ...env } = process.env
  const cacheOfThread = async (cache: string | null) => {
    const args = ['--input-type=module', '--eval', startAThread(cache)]
    return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim()
  }
  expect(await cacheOfThread(scratch.path)).toContain(`${scratch.path}/`)
  expect(await cacheOfThread(null)).toBe('none')
})
