import { defineConfig } from 'vitest/config'

const exclude = ['**/node_modules/**', '**/dist/**', 'examples/sample-project/**']

/** Whole folders of tests with real parts; elsewhere a file with real parts is named `*.system.test.ts`. */
const systemFolders = [
  'e2e/**/*.test.ts',
  'examples/**/*.test.ts',
  'packages/sandbox/test/**/*.test.ts',
  'packages/server/test/{agents,embed,faces,runners,security}/**/*.test.ts',
  'packages/server/test/store/sqlite/**/*.test.ts',
]

export default defineConfig({
  test: {
    // A limit ends what hangs. On a machine with other work a test may take twenty times its usual time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          exclude: [...exclude, ...systemFolders, '**/*.system.test.ts'],
          // Files share a process, and the modules it has loaded: these tests leave nothing behind (`unit-setup.ts`).
          isolate: false,
          maxWorkers: 2,
          setupFiles: ['scripts/unit-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: [...systemFolders, 'packages/*/test/**/*.system.test.ts'],
          exclude,
          // Four at a time on two cores, since much of a test is waiting (306 s with three at a time, 291 s with four),
          // each file in a process of its own: what one leaves behind is noticed there.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
