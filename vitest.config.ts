import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// The threads of a store, and whatever else tests start from the sources, load the same modules a thousand times.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url))

const exclude = ['**/node_modules/**', '**/dist/**', 'examples/sample-project/**']

/** Tests of HTTP servers in their own process, over SQLite stores in threads. */
const serverFolders = ['packages/server/test/{embed,faces,security}/**/*.test.ts']
/** Tests of the whole, or of processes. Elsewhere, a file with real parts is named `*.system.test.ts`. */
const systemFolders = [
  'e2e/**/*.test.ts',
  'examples/**/*.test.ts',
  'packages/sandbox/test/**/*.test.ts',
  'packages/server/test/{agents,runners,store/sqlite}/**/*.test.ts',
]

/** They replace a module for themselves: each has a process of its own. */
const mockingFiles = [
  'packages/sandbox/test/{late-beginning,open,ownership}.test.ts',
  'packages/server/test/agents/tools/inside/{place,web/request}.test.ts',
]

/** Tests that need a Postgres server: they share one, which is started for them. */
const postgresFolders = ['packages/server/test/{store/postgres,nodes}/**/*.test.ts', 'e2e/nodes/**/*.test.ts']

/** The hooks, in a page: with the React that the repository uses, and with the oldest one that they support. */
const pageTests = (version: 18 | 19) => {
  const installed = fileURLToPath(new URL(`packages/react-${version}/node_modules/`, import.meta.url))
  return {
    extends: true as const,
    ...(version === 19
      ? {}
      : { resolve: { alias: [{ find: /^(react|react-dom)(?=\/|$)/, replacement: `${installed}$1` }] } }),
    oxc: { jsx: { runtime: 'automatic' as const } },
    test: {
      name: `react-${version}`,
      include: ['packages/react/test/**/*.test.tsx'],
      exclude,
      environment: 'happy-dom',
      setupFiles: ['packages/react/test/support/setup.ts'],
      // It imports React, and has to find the one that the test finds.
      server: { deps: { inline: ['zustand'] } },
      isolate: false,
      maxWorkers: 2,
      sequence: { groupOrder: 0 },
    },
  }
}

/** Components of the console, in a page. Its pure parts are unit tests. */
const consoleTests = {
  extends: true as const,
  oxc: { jsx: { runtime: 'automatic' as const } },
  test: {
    name: 'console',
    include: ['packages/console/test/**/*.test.tsx'],
    exclude,
    environment: 'happy-dom',
    setupFiles: ['packages/react/test/support/setup.ts'],
    server: { deps: { inline: ['zustand'] } },
    isolate: false,
    maxWorkers: 2,
    sequence: { groupOrder: 0 },
  },
}

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
          exclude: [
            ...exclude,
            ...serverFolders,
            ...systemFolders,
            ...postgresFolders,
            '**/*.system.test.ts',
          ],
          // Files share a process, and the modules it has loaded.
          isolate: false,
          maxWorkers: 2,
          setupFiles: ['scripts/unit-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      pageTests(19),
      pageTests(18),
      consoleTests,
      // The others run together, four files at a time on two cores, since much of a test is waiting.
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
          exclude: [...exclude, ...postgresFolders, ...mockingFiles],
          isolate: false,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'mocking',
          include: mockingFiles,
          exclude,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: postgresFolders,
          exclude,
          globalSetup: ['scripts/postgres-setup.ts'],
          // Alone: its nodes hold leases of seconds.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
