import { defineConfig } from 'vitest/config'

// Two cores: files run two at a time, each in a process of its own, so that a test that leaves a
// timer, socket or child behind is seen by itself.
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'e2e/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', 'examples/sample-project/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
