// Who may import whom: the rules of docs/architecture.md, type imports included.
const server = '^packages/server/src/'

/** @param {string} name @param {string} comment @param {object} from @param {object} to */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle means that two things are one thing.', {}, { circular: true }),
    forbid('no-unresolved', 'Every import leads somewhere.', {}, { couldNotResolve: true }),
    forbid(
      'declared-dependencies',
      'A package declares what it imports.',
      { path: '^packages/[^/]+/src' },
      {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'],
      },
    ),
    forbid(
      'protocol-imports-nothing-of-ours',
      'The vocabulary stands alone.',
      { path: '^packages/protocol/src' },
      {
        path: '^packages/(?!protocol/)',
      },
    ),
    forbid(
      'protocol-does-no-io',
      'The vocabulary runs in any JavaScript.',
      { path: '^packages/protocol/src' },
      {
        dependencyTypes: ['core'],
      },
    ),
    forbid(
      'scripted-model-imports-nothing-of-ours',
      'It stands for somebody else: it knows the Messages API and nothing of Millrace.',
      { path: '^packages/scripted-model/src' },
      {
        path: '^packages/(?!scripted-model/)',
      },
    ),
    forbid(
      'client-and-server-apart',
      'They meet in the protocol only.',
      { path: '^packages/(client|react|console)/' },
      {
        path: '^packages/server/',
      },
    ),
    forbid(
      'server-and-client-apart',
      'They meet in the protocol only.',
      { path: '^packages/server/' },
      {
        path: '^packages/(client|react|console)/',
      },
    ),
    forbid(
      'public-doors-only',
      'Examples, benchmarks and whole-system tests use what a user has.',
      // A benchmark of one part (the store, the sandbox) imports that part.
      { path: '^(examples|e2e|bench)/', pathNot: '^bench/parts/' },
      {
        path: '^packages/[^/]+/src/(?!index\\.ts$)',
      },
    ),
    forbid(
      'faces-see-runs-and-delivery',
      'A face is a translation: it never touches store, runners or sandbox.',
      { path: `${server}faces/` },
      {
        path: `${server}(store|runners|cli)/|${server}[^/]+\\.ts$`,
      },
    ),
    forbid(
      'runs-see-the-ports',
      'Runs know the store and the runners by their ports.',
      { path: `${server}runs/` },
      {
        path: `${server}(faces|delivery|cli|config|store/(?!store\\.ts$)|runners/(?!runner\\.ts$)|sandbox/(?!sandbox\\.ts$))`,
      },
    ),
    forbid(
      'delivery-sees-the-store-port',
      'Delivery reads the log and nothing else.',
      { path: `${server}delivery/` },
      {
        path: `${server}(runs|runners|faces|auth|policy|sandbox|config|cli|store/(?!store\\.ts$))`,
      },
    ),
    forbid(
      'realtime-sees-the-store-port',
      'Topics read records and write to connections.',
      { path: `${server}realtime/` },
      {
        path: `${server}(runs|runners|faces|policy|sandbox|config|cli|store/(?!store\\.ts$))`,
      },
    ),
    forbid(
      'runners-see-their-context',
      'A runner emits and obeys; it knows no store, delivery or face.',
      { path: `${server}runners/` },
      {
        path: `${server}(store|delivery|faces|runs|auth|cli)/`,
      },
    ),
    forbid(
      'runners-know-the-sandbox-by-its-port',
      'Whichever boundary there is.',
      { path: `${server}runners/` },
      {
        path: `${server}sandbox/(?!sandbox\\.ts$)`,
      },
    ),
    forbid(
      'stores-stand-alone',
      'A store is replaceable.',
      { path: `${server}store/` },
      {
        path: `${server}(?!store/)`,
      },
    ),
    forbid(
      'sandbox-stands-alone',
      'The boundary knows nothing of what it bounds.',
      { path: `${server}sandbox/` },
      {
        path: `${server}(store|delivery|runs|runners|faces|auth|cli)/`,
      },
    ),
    forbid(
      'config-stands-alone',
      'What is configured knows nothing of who uses it.',
      { path: `${server}config/` },
      {
        path: `${server}(?!config/)`,
      },
    ),
    forbid(
      'one-composition-root',
      'Only server.ts knows concrete stores and runners; the command line and the doctor open what they try out.',
      {
        path: server,
        pathNot: `${server}((server|main)\\.ts$|cli/doctor/|store/|runners/)`,
      },
      { path: `${server}(store/sqlite|runners/(command|claude|orchestrator))/` },
    ),
    forbid(
      'no-orphans',
      'Code nobody imports is dead.',
      {
        orphan: true,
        pathNot: [
          '\\.(test|config|d)\\.(ts|cjs)$',
          '/bin/[^/]+\\.js$',
          '^(scripts|bench|examples|e2e)/',
          '-worker\\.ts$',
          '(^|/)(main|index|conformance)\\.ts$',
          '\\.cjs$',
        ],
      },
      {},
    ),
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules|page|sample-project)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
}
