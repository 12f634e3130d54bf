/** What each key of the configuration does; `keys.ts` knows the rest of it from the schema. */

import type { Description } from './description.ts'
import { policyDescriptions } from './policy-descriptions.ts'

const none = 'none'

export const descriptions: Record<string, Description> = {
  $schema: {
    text: 'Where an editor finds the JSON schema of this file. The server ignores it.',
    example: './node_modules/@millrace/server/config.schema.json',
    default: none,
  },
  'projects.<id>.path': {
    text: "The directory that runs work in; relative to the file. `~` is the server user's home.",
    example: '../web',
  },
  'tools.<id>.title': { text: 'What lists and the page show.', example: 'Run the tests', default: 'the id' },
  'tools.<id>.command': {
    text: 'Program and arguments, without a shell. `{projectPath}` and the declared arguments are filled in, each within its element; `{{name}}` is the text `{name}`.',
    example: ['grep', '-c', '', '{projectPath}/{file}'],
  },
  'tools.<id>.timeoutSeconds': {
    text: 'Ends a job that takes longer; `null` is no limit.',
    example: 600,
    default: 'no limit',
  },
  'tools.<id>.network': {
    text: 'What its jobs reach: nothing; `"internet"`, public addresses through a proxy of the server\'s; a list of destinations, `*.` for all names below one; `true`, the network of this machine with its services. See [sandbox.md](sandbox.md#network).',
    example: ['registry.npmjs.org:443', 'localhost:5432'],
    default: '`false`',
  },
  'tools.<id>.env': { text: 'Variables of its jobs.', example: { CI: '1' }, default: none },
  'tools.<id>.projects': { text: 'The projects it may run in.', example: ['web'], default: 'all' },
  'tools.<id>.args.<name>.required': {
    text: 'Whether a caller must give a value. Without one, an element that is only this argument is left out.',
    example: true,
    default: '`false`',
  },
  'tools.<id>.args.<name>.default': {
    text: 'The value where a caller gives none.',
    example: 'main',
    default: none,
  },
  'tools.<id>.args.<name>.pattern': {
    text: 'A regular expression of RE2 that the whole value must match.',
    example: '[a-z]+\\.md',
    default: 'any value',
  },
  'tools.<id>.args.<name>.values': {
    text: 'The only values a caller may give.',
    example: ['staging', 'production'],
    default: 'any value',
  },
  'tools.<id>.limits.memoryBytes': {
    text: 'Memory of all processes of a job together.',
    example: 4_294_967_296,
    default: "half of the machine's memory",
  },
  'tools.<id>.limits.processes': { text: 'Processes of a job at a time.', example: 500, default: '`2000`' },
  'tools.<id>.limits.outputBytes': {
    text: 'Output of a job; one that writes more is ended.',
    example: 10_485_760,
    default: '`limits.outputBytes`',
  },
  'tools.<id>.allowNestedSandbox': {
    text: 'Lets its jobs start sandboxes of their own, as Chromium does. Their boundary is weaker.',
    example: true,
    default: '`false`',
  },
  'tools.<id>.cache': {
    text: 'Whether the caches of tools (npm, pip, Go, Cargo, …) last from one of its jobs to the next, for each project and owner. See [sandbox.md](sandbox.md#caches).',
    example: false,
    default: '`true`',
  },
  'tools.<id>.tty': {
    text: 'Gives its jobs a terminal: `true`, or its size. See [sandbox.md](sandbox.md#terminals).',
    example: { columns: 100, rows: 30 },
    default: '`false`; a terminal has 120 columns and 40 rows',
  },
  'concurrency.job': { text: 'Jobs that run at the same time; others wait.', example: 2 },
  'concurrency.session': { text: 'Agent sessions at the same time.', example: 2 },
  'concurrency.execution': { text: 'Executions at the same time.', example: 2 },
  ...policyDescriptions,
  'sandbox.mode': {
    text: '`auto`: a sandbox where the machine has one. `required`: no start without one. `off`: none. See [sandbox.md](sandbox.md).',
    example: 'required',
  },
  'sandbox.rootProjects': {
    text: 'With `required`, in a server that runs as root: accept projects that belong to root, too. Their runs are root without capabilities, a weaker boundary than that of an ordinary owner.',
    example: true,
  },
  'sandbox.read': { text: 'More that every run may read.', example: ['~/.pyenv'] },
  'sandbox.env': { text: 'Variables of every run.', example: { GOFLAGS: '-mod=mod' } },
  'sandbox.passEnv': {
    text: "Variables of the server's own environment that every run gets.",
    example: ['GOPROXY'],
  },
  'sandbox.cache.maxBytes': {
    text: 'Disk space of all caches of tools together. The ones that were used longest ago make room; `0` keeps none.',
    example: 21_474_836_480,
  },
  'sandbox.tmpBytes': {
    text: "Size of a run's `/tmp`, which is in memory.",
    example: 4_294_967_296,
  },
  'sandbox.homeBytes': {
    text: "Size of a run's home, which is in memory, apart from the caches.",
    example: 1_073_741_824,
  },
  'agent.maxTurns': { text: 'Turns of a session.', example: 30, default: '`50`' },
  'agent.network': {
    text: 'What a session and its commands reach besides the model; as `network` of a tool.',
    example: ['registry.npmjs.org:443'],
    default: '`"internet"`',
  },
  'agent.stallSeconds': {
    text: 'Ends a session whose process is silent for this long with no call in progress.',
    example: 900,
    default: '`600`',
  },
  'agent.limits.memoryBytes': {
    text: 'Memory of a session with all its tools.',
    example: 4_294_967_296,
    default: "half of the machine's memory",
  },
  'agent.limits.processes': { text: 'Processes of a session at a time.', example: 500, default: '`2000`' },
  'agent.maxBudgetUsd': {
    text: 'What a session may cost. Counted by the prices in `models`, where an entry of `anthropic` has one, else by the agent SDK at its list prices.',
    example: 2,
    default: '`5`',
  },
  'agents.<name>.preset': {
    text: 'What is known of an agent: its command, key, network and mode. The name of the entry, if that is one of them. See [agents.md](agents.md).',
    example: 'gemini',
    default: 'the name of the entry',
  },
  'agents.<name>.command': {
    text: 'The program, which speaks the Agent Client Protocol on its standard input and output; without a shell. Required without a preset.',
    example: ['gemini', '--acp'],
    default: "the preset's",
  },
  'agents.<name>.env': {
    text: 'Its variables. `{"env": "NAME"}` takes the value of the server\'s variable, which is how a key gets there: no other run knows it, and neither does an agent [behind the gateway](agents.md#presets).',
    example: { GEMINI_API_KEY: { env: 'GEMINI_API_KEY' } },
    default: "the preset's",
  },
  'agents.<name>.network': {
    text: 'What the agent and its commands reach; as `network` of a tool.',
    example: ['generativelanguage.googleapis.com:443'],
    default: "the host of the preset's provider where the agent itself has the key; else nothing",
  },
  'agents.<name>.mode': {
    text: 'The mode of the agent, in its own words, set as soon as a conversation has begun. It decides what the agent asks for.',
    example: 'default',
    default: "the preset's; else the agent's",
  },
  'agents.<name>.auth': {
    text: 'The name of the method by which the agent logs in, where it asks for one.',
    example: 'gemini-api-key',
    default: "the preset's; else none",
  },
  'agents.<name>.read': {
    text: 'More that it may read, such as the directory of its program.',
    example: ['~/.npm-global'],
    default: none,
  },
  'agents.<name>.files': {
    text: 'Files that its home has when a conversation begins, such as a configuration of its own.',
    example: { '.codex/config.toml': 'model_provider = "local"' },
    default: none,
  },
  'agents.<name>.stallSeconds': {
    text: 'Ends a session whose agent is silent for this long with no call in progress.',
    example: 900,
    default: '`600`',
  },
  'agents.<name>.limits.memoryBytes': {
    text: 'Memory of the agent with all its tools.',
    example: 4_294_967_296,
    default: "half of the machine's memory",
  },
  'agents.<name>.limits.processes': {
    text: 'Processes of the agent at a time.',
    example: 500,
    default: '`2000`',
  },
  'models.<name>.provider': { text: 'Whose API the model speaks.', example: 'openai-compatible' },
  'models.<name>.baseUrl': {
    text: 'Where that API is; required for `openai-compatible`.',
    example: 'http://127.0.0.1:11434/v1',
    default: "the provider's own",
  },
  'models.<name>.model': {
    text: "The provider's name for the model. Without it, the entry holds for every model of the provider that has no entry of its own.",
    example: 'some-model-7b',
    default: 'every model',
  },
  'models.<name>.apiKeyEnv': {
    text: 'The variable that holds the key. The key itself is never in the file.',
    example: 'LOCAL_MODEL_KEY',
    default: 'no key',
  },
  'models.<name>.api': {
    text: "Which of OpenAI's two APIs to use.",
    example: 'chat',
    default: '`"responses"`',
  },
  'models.<name>.price.input': {
    text: 'US dollars per million tokens of input. Without a price, costs are unknown, and a limit in dollars is refused. A price for a model of `anthropic` also holds for Claude in sessions and executions: their budget is then kept where requests leave the server.',
    example: 3,
  },
  'models.<name>.price.output': { text: 'The same for output.', example: 15 },
  'models.<name>.price.cacheRead': {
    text: 'The same for input that the provider read from its cache.',
    example: 0.3,
    default: 'as `input`; of `anthropic` a tenth of it',
  },
  'models.<name>.price.cacheWrite': {
    text: 'The same for input that the provider wrote to its cache.',
    example: 3.75,
    default: 'as `input`; of `anthropic` 1.25 times that',
  },
  'models.<name>.price.cacheWriteHour': {
    text: 'The same for input that the provider keeps in its cache for an hour.',
    example: 6,
    default: 'as `cacheWrite`; of `anthropic` twice `input`',
  },
  'models.<name>.contextTokens': {
    text: 'How many tokens a request and its answer may have together. Of a longer conversation, the oldest steps are shortened.',
    example: 32_768,
    default: "known from the provider's refusal",
  },
  'models.<name>.outputTokensMax': {
    text: 'How many tokens one answer may have.',
    example: 4096,
    default: '`8192`',
  },
  'executions.iterations': {
    text: 'Steps of the model in one execution. Like `tokens`, `seconds` and `usd`: the bound of what a request may ask for, and the limit of a request that does not ask.',
    example: 50,
  },
  'executions.tokens': { text: 'Tokens of all its steps together.', example: 500_000, default: none },
  'executions.seconds': { text: 'How long it may take.', example: 900 },
  'executions.usd': {
    text: 'What it may cost, in US dollars. A model whose price is unknown, Claude too, is then refused. Without a limit, Claude keeps to `agent.maxBudgetUsd`.',
    example: 2.5,
    default: none,
  },
  'executions.shellNetwork': {
    text: 'What commands of the tool `shell` reach; as `network` of a tool. The tool `fetch` always reaches the public web. For Claude, `agent.network` counts.',
    example: ['registry.npmjs.org:443'],
  },
  'executions.fetchHosts': {
    text: 'Hosts that the tool `fetch` may ask although they are not of the public web: a name or address, perhaps with a port.',
    example: ['wiki.example.internal', 'localhost:3000'],
  },
  'http.host': { text: 'The address to listen on.', example: '0.0.0.0', default: '`127.0.0.1`' },
  'http.port': { text: 'The port to listen on; 0 is any.', example: 8080, default: '`4000`' },
  'http.publicUrl': {
    text: 'The address that people use, also below a path. See [deployment.md](deployment.md).',
    example: 'https://millrace.example.org/mill/',
    default: 'where the server listens',
  },
  'http.hosts': {
    text: 'More host names that are answered, besides loopback and that of `http.publicUrl`.',
    example: ['millrace.internal'],
  },
  'http.trustProxy': {
    text: 'Whether `X-Forwarded-*` and `X-Request-Id` are believed. Only behind a proxy that sets them.',
    example: true,
  },
  'http.cors.origins': {
    text: 'Origins whose pages may call the server. `*` is not allowed.',
    example: ['https://app.example.org'],
  },
  'http.compressStreams': {
    text: 'Whether streams are compressed, and flushed at every write.',
    example: true,
  },
  'http.reusePort': {
    text: 'Whether several nodes of one machine listen on this port, and the kernel hands each connection to one of them. Needs `store.url`. See [deployment.md](deployment.md#more-than-one-core).',
    example: true,
  },
  'limits.streamsPerUser': {
    text: 'Open streams of one user. Above it, the one that has stalled longest ends first.',
    example: 100,
  },
  'limits.streamsPerAddress': { text: 'Open streams of guests from one address.', example: 100 },
  'limits.streams': { text: 'Open streams of everybody together.', example: 50_000 },
  'limits.startsPerMinute': { text: 'Runs that one user may start.', example: 600 },
  'limits.loginsPerMinute': { text: 'Failed logins from one address.', example: 5 },
  'limits.bodyBytes': { text: 'The largest body of a request.', example: 4_194_304 },
  'limits.eventBytes': {
    text: 'The largest event. The longest strings of a larger one are cut.',
    example: 262_144,
  },
  'limits.outputBytes': {
    text: 'Output of a job whose tool sets no limit of its own.',
    example: 104_857_600,
    default: '`1073741824`',
  },
  'limits.ownerBytes': {
    text: 'What the runs of one user may take in the store, as long as they are kept ([operations.md](operations.md#the-quota-of-an-owner)). Above it, the user starts no run, the runs take no messages, and runs that write are ended.',
    example: 2_147_483_648,
  },
  'retention.days': { text: 'Runs are deleted this long after their end.', example: 7 },
  'retention.events': {
    text: 'Of a longer log, only the newest events are kept, unless a question of its run is open.',
    example: 100_000,
    default: 'all',
  },
  'worktrees.directory': {
    text: 'Where worktrees of sessions lie ([sessions.md](sessions.md#worktrees)). The owners of all projects must be able to pass through it.',
    example: '/srv/millrace/worktrees',
    default: 'beside the data directory',
  },
  'worktrees.days': { text: 'One without unmerged work is removed when unused for this long.', example: 1 },
  'worktrees.unmergedDays': { text: 'The same for one with unmerged work.', example: 90, default: 'never' },
  'worktrees.perOwner': {
    text: 'How many worktrees one user may have. Beyond that, no session starts in a new one.',
    example: 10,
  },
  'worktrees.ownerBytes': {
    text: 'What the worktrees of one user may take on the disk, as measured when a session in one ends. Beyond that, the user starts no session in a worktree.',
    example: 5_368_709_120,
  },
  'store.url': {
    text: 'A Postgres database instead of the embedded store, for several nodes ([deployment.md](deployment.md#several-nodes)).',
    example: 'postgres://millrace@db.example.org/millrace',
    default: 'the embedded store',
  },
  'store.passwordFile': {
    text: 'A file that holds its password. Without one: that of the address, or of `PGPASSFILE`.',
    example: '/etc/millrace/store-password',
    default: none,
  },
  'store.leaseSeconds': {
    text: 'A node that does not reach the database for this long is dead, and others close its runs. It gives up after two thirds of it.',
    example: 30,
  },
  'store.synchronousStandby': {
    text: 'True states that every commit waits for the standby that would take over: after a failover nodes continue, and followers too. Otherwise nodes exit, and followers get a `reset`.',
    example: true,
  },
  'store.role': {
    text: 'What this node does: `all`; `web`, only serve, with the projects and tools of the workers; or `worker`, only work, on the projects whose directories it has. `--role` and `MILLRACE_ROLE` override it.',
    example: 'worker',
  },
  'store.concurrency.job': {
    text: 'Jobs on all nodes together; `concurrency.job` is what one node takes.',
    example: 40,
    default: 'no limit',
  },
  'store.concurrency.session': {
    text: 'Agent sessions on all nodes together.',
    example: 20,
    default: 'no limit',
  },
  'store.concurrency.execution': {
    text: 'Executions on all nodes together.',
    example: 20,
    default: 'no limit',
  },
  'wakeups.redisUrl': {
    text: 'A Redis or Valkey through which nodes tell each other what they have committed, instead of the database: for many nodes. `MILLRACE_REDIS` overrides it. Without `store.url` it means nothing.',
    example: 'redis://cache.example.org:6379',
    default: 'the database',
  },
  'realtime.publicTopics': { text: 'Topics of your own that guests may subscribe to.', example: ['news'] },
  'push.services': { text: 'Push services that may be requested.', example: ['push.example.org'] },
  'push.contact': { text: 'Where they reach you.', example: 'mailto:ops@example.org', default: none },
  'auth.jwt.jwksUrl': {
    text: 'Where your identity provider publishes its keys; needs `issuer` and `audience`. Either this or `secretEnv`.',
    example: 'https://id.example.org/.well-known/jwks.json',
    default: none,
  },
  'auth.jwt.secretEnv': {
    text: 'The variable that holds a shared secret of at least 32 bytes.',
    example: 'JWT_SECRET',
    default: none,
  },
  'auth.jwt.issuer': {
    text: 'The `iss` that tokens must have.',
    example: 'https://id.example.org',
    default: 'any',
  },
  'auth.jwt.audience': { text: 'The `aud` that tokens must have.', example: 'millrace', default: 'any' },
}
