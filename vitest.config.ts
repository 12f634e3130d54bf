import { defineConfig } from 'vitest/config'

const exclude = ['**/node_modules/**', '**/dist/**', 'examples/sample-project/**']

/** Tests of HTTP servers in their own process, over SQLite stores in threads. */
const serverFolders = ['packages/server/test/{embed,faces,security}/**/*.test.ts']
/** Tests of what runs in a page, against a document in memory. */
const pageFolders = ['packages/react/test/**/*.test.{ts,tsx}']
/** Tests of the whole, or of processes. Elsewhere, a file with real parts is named `*.system.test.ts`. */
const systemFolders = [
  'e2e/**/*.test.ts',
  'examples/**/*.test.ts',
  'packages/sandbox/test/**/*.test.ts',
  'packages/server/test/{agents,runners,store/sqlite}/**/*.test.ts',
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
          exclude: [...exclude, ...serverFolders, ...systemFolders, ...pageFolders, '**/*.system.test.ts'],
          // Files share a process, and the modules it has loaded.
          isolate: false,
          maxWorkers: 2,
          setupFiles: ['scripts/unit-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'page',
          include: pageFolders,
          exclude,
          environment: 'happy-dom',
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      // The others run four files at a time on two cores, since much of a test is waiting.
      {
        extends: true,
        test: {
          name: 'server',
          include: serverFolders,
          exclude,
          // As above: a server's modules are loaded once a worker, not once a file.
          isolate: false,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: [...systemFolders, 'packages/*/test/**/*.system.test.ts'],
          exclude,
          maxWorkers: 4,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
