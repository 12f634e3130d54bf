import { defineConfig } from 'vitest/config'

// Files run four at a time, since much of a test is waiting (306 s on two cores with three at a time, 291 s with
// four), each in a process of its own: what one leaves behind is seen by itself.
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'e2e/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', 'examples/sample-project/**'],
    pool: 'forks',
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What a test polls for comes in its own time; a second is too short where the machine has other work.
    expect: { poll: { timeout: 20_000 } },
  },
})
