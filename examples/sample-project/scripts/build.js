/** Copies the sources to `dist/`, one by one, and says how far it is. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

// There is so little to do that nobody could watch it: each step takes its time.
const stepMs = Number(process.env.STEP_MS ?? 300)
const root = join(import.meta.dirname, '..')
const files = readdirSync(join(root, 'src'))
let bytes = 0

rmSync(join(root, 'dist'), { recursive: true, force: true })
mkdirSync(join(root, 'dist'))
for (const [index, name] of files.entries()) {
  copyFileSync(join(root, 'src', name), join(root, 'dist', name))
  bytes += statSync(join(root, 'dist', name)).size
  console.log(`[${index + 1}/${files.length}] ${name}`)
  // A progress bar as many tools draw one: the same line, over and over.
  for (let percent = 0; percent <= 100; percent += 20) {
    process.stderr.write(`\r${'#'.repeat(percent / 10).padEnd(10, '.')} ${percent} %`)
    await pause(stepMs / 6)
  }
  process.stderr.write('\n')
}
console.log(`built ${files.length} files, ${bytes} bytes`)
