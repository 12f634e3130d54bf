// Who may import whom: the rules of docs/architecture.md, type imports included.
const server = '^packages/server/src/'

/** @param {string} name @param {string} comment @param {object} from @param {object} to */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle means that two things are one thing.', {}, { circular: true }),
    forbid(
      'no-unresolved',
      'Every import leads somewhere.',
      {},
      // A peer of the benchmarks, which are installed when they are run.
      { couldNotResolve: true, pathNot: '^@durable-streams/server$' },
    ),
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
      'words-without-zod',
      'The main door of the vocabulary is for browsers too: only its schemas need zod.',
      { path: '^packages/protocol/src/(?!schemas/)' },
      { path: '(^|/)node_modules/zod/' },
    ),
    forbid(
      'scripted-model-imports-nothing-of-ours',
      'It stands for somebody else: it knows the formats of model providers and nothing of Millrace.',
      { path: '^packages/scripted-model/src' },
      {
        path: '^packages/(?!scripted-model/)',
      },
    ),
    forbid(
      'client-sees-the-vocabulary',
      'It follows and controls runs, whatever shows them.',
      { path: '^packages/client/src' },
      { path: '^packages/(?!(client|protocol)/)' },
    ),
    forbid(
      'react-sees-client-and-vocabulary',
      'A thin edge: what runs without React stands below it.',
      { path: '^packages/react/src' },
      { path: '^packages/(?!(react|client|protocol)/)' },
    ),
    forbid(
      'sources-without-react',
      'A run is followed the same way whatever shows it.',
      { path: '^packages/react/src/sources/' },
      { path: '(^|/)node_modules/(react|zustand)/|^packages/react/src/(?!sources/)' },
    ),
    forbid(
      'console-sees-hooks-and-client',
      'It makes no calls of its own, and shows what any page could show.',
      { path: '^packages/console/src' },
      { path: '^packages/(?!(console|react|client|protocol)/)' },
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
      'They meet in the protocol only. The command line is a client of a running server.',
      { path: '^packages/server/', pathNot: '^packages/server/(src|test)/cli/' },
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
        path: '^packages/(?!test-support/)[^/]+/src/(?!(index|material|store/index|view/index)\\.ts$)',
      },
    ),
    forbid(
      'policy-and-sandbox-stand-alone',
      'The policy judges and the boundary bounds; neither knows who asks.',
      { path: '^packages/(policy|sandbox)/src' },
      { path: '^packages/(?!(policy|sandbox|protocol)/)' },
    ),
    forbid(
      'faces-see-runs-and-delivery',
      'A face is a translation: it never touches store, runners, agents or sandbox.',
      { path: `${server}faces/` },
      { path: `${server}(store|runners|agents|compose|embed|cli)/` },
    ),
    forbid(
      'faces-do-not-see-each-other',
      'A new face touches its own folder and one line of composition.',
      { path: `${server}faces/([^/]+)/` },
      { path: `${server}faces/[^/]+/`, pathNot: `${server}faces/$1/` },
    ),
    forbid(
      'http-knows-no-face',
      'The HTTP server takes faces as it is given them; it knows no protocol, run or log.',
      { path: `${server}http/` },
      { path: `${server}(faces|runs|delivery|realtime|retention|store|runners|agents|compose|embed|cli)/` },
    ),
    forbid(
      'auth-sees-credentials',
      'Who calls is a matter of credentials alone.',
      { path: `${server}auth/` },
      { path: `${server}(?!(auth|time)/|store/credentials\\.ts$)` },
    ),
    forbid(
      'admission-sees-who-calls',
      'Caps and rates count callers; they know nothing of what is admitted.',
      { path: `${server}admission/` },
      { path: `${server}(?!(admission|auth|time)/|store/credentials\\.ts$)` },
    ),
    forbid(
      'push-sees-the-store-port',
      'Notifications are sent for what was committed, to those who asked for them.',
      { path: `${server}push/` },
      { path: `${server}(?!(push|auth|time)/|store/(store|credentials)\\.ts$)` },
    ),
    forbid(
      'retention-sees-the-store-port',
      'Retention deletes by the rules of the store, and nothing else.',
      { path: `${server}retention/` },
      { path: `${server}(?!(retention|time)/|store/(store|credentials)\\.ts$)` },
    ),
    forbid(
      'engines-do-not-see-each-other',
      'What two engines need stands beside them.',
      { path: `${server}agents/(acp|ai-sdk|claude)/` },
      { path: `${server}agents/(acp|ai-sdk|claude)/`, pathNot: `${server}agents/$1/` },
    ),
    forbid(
      'doors-stand-on-compose',
      'Composition knows all parts but not the doors; only the entry points open a door.',
      { path: server, pathNot: `${server}(embed/|cli/|(index|main)\\.ts$)` },
      { path: `${server}(embed|cli)/` },
    ),
    forbid(
      'only-doors-compose',
      'A part is given what it needs and never reaches for the whole.',
      { path: server, pathNot: `${server}(compose/|embed/|cli/)` },
      { path: `${server}compose/` },
    ),
    forbid(
      'embed-and-cli-apart',
      'Two doors into one server.',
      { path: `${server}(embed|cli)/` },
      { path: `${server}(embed|cli)/`, pathNot: `${server}$1/` },
    ),
    forbid(
      'runs-see-the-ports',
      'Runs know the store and the runners by their ports.',
      { path: `${server}runs/` },
      {
        path: `${server}(faces|http|sse|delivery|realtime|agents|compose|embed|cli|config|store/(?!store\\.ts$)|runners/(?!(runner|kind)\\.ts$))`,
      },
    ),
    forbid(
      'sse-stands-alone',
      'Bytes for a stream; nothing of what they mean.',
      { path: `${server}sse/` },
      { path: `${server}(?!(sse|time)/)|^packages/(?!(server|protocol)/)` },
    ),
    forbid(
      'time-stands-alone',
      'Clocks know nothing of what they time.',
      { path: `${server}time/` },
      { path: `${server}(?!time/)` },
    ),
    forbid(
      'wakeups-are-hints',
      'A wake-up says that there is something to read; it reads nothing itself.',
      { path: `${server}wakeups/` },
      { path: `${server}(?!(wakeups|time)/|store/store\\.ts$)` },
    ),
    forbid(
      'nodes-see-the-store-port',
      'Nodes meet in the store: what they say to each other passes through it.',
      { path: `${server}nodes/` },
      { path: `${server}(?!(nodes|time)/|store/store\\.ts$)` },
    ),
    forbid(
      'delivery-sees-the-store-port',
      'Delivery reads the log and writes to streams, and nothing else.',
      { path: `${server}delivery/` },
      { path: `${server}(?!(delivery|sse|time|wakeups)/|store/store\\.ts$)` },
    ),
    forbid(
      'realtime-sees-the-store-port',
      'Topics read records and write to connections.',
      { path: `${server}realtime/` },
      { path: `${server}(runs|runners|agents|faces|http|compose|embed|config|cli|store/(?!store\\.ts$))` },
    ),
    forbid(
      'runners-see-their-context',
      'A runner emits and obeys; it knows no store, delivery or face.',
      { path: `${server}(runners|agents)/` },
      { path: `${server}(store|sse|delivery|realtime|faces|http|runs|auth|compose|embed|cli)/` },
    ),
    forbid(
      'worktrees-see-the-store-port',
      'Trees of the disk: what works in them, and who asks, is not theirs to know.',
      { path: `${server}worktrees/` },
      {
        path: `${server}(runs|runners|agents|faces|http|delivery|realtime|sse|compose|embed|cli|store/(?!store\\.ts$))`,
      },
    ),
    forbid(
      'programs-inside-stand-alone',
      'The programs of the file tools run in the sandbox, alone; the server reads them as text.',
      { path: `${server}agents/tools/inside/` },
      { path: `${server}(?!agents/tools/inside/)|^packages/(?!server/)` },
    ),
    forbid(
      'stores-stand-alone',
      'A store is replaceable.',
      { path: `${server}store/` },
      { path: `${server}(?!(store|time|memory)/)` },
    ),
    forbid(
      'config-stands-alone',
      'What is configured knows nothing of who uses it.',
      { path: `${server}config/` },
      { path: `${server}(?!config/)` },
    ),
    forbid(
      'one-composition-root',
      'Only compose/ knows concrete stores and runners; the command line and the doctor open what they try out.',
      {
        path: server,
        pathNot: `${server}(compose/|main\\.ts$|cli/doctor/|store/|runners/|agents/)`,
      },
      {
        path: `${server}(store/(sqlite/(?!upkeep/)|batched/|memory/)|runners/(job|session|execution|external)/|agents/)`,
      },
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
          '(^|/)(main|index)\\.ts$',
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
    exclude: { path: '(^|/)(dist|\\.bundle|node_modules|public|sample-project)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
}
