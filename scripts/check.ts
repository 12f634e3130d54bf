/** `npm run check`: every check that reads the code without running it. All of them run; any failure fails. */
import { spawnSync } from 'node:child_process'

const checks = ['types', 'lint', 'imports', 'dead-code', 'size', 'packages', 'client', 'console']
const failed = checks.filter((name) => {
  console.log(`\n== ${name}`)
  return spawnSync('npm', ['run', '--silent', `check:${name}`], { stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) {
  console.error(`\nnot clean: ${failed.join(', ')}`)
  process.exit(1)
}
console.log('\nall clean')
