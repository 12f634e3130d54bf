/** The page `docs/configuration.md`, made from the schema and the descriptions. */
import { agentOptions } from '../agent-settings.ts'
import { descriptions } from './descriptions.ts'
import { type ConfigKey, configKeys } from './keys.ts'

export function configurationPage(): string {
  const keys = configKeys()
  const sections = [...new Set(keys.map(({ path }) => path.split('.')[0] ?? ''))]
  const parts = sections.map((name) => sectionOf(name, keys))
  return `${head}\n${parts.join('\n')}\n${settings}`
}

const head = `<!-- Made from packages/server/src/config by \`npm run generate\`. Do not edit: change the schema or reference/descriptions.ts. -->

# Configuration

Without a file, the directory in which \`millrace serve\` starts is the only project, and its scripts and targets are the tools. A
file \`millrace.config.ts\`, \`.js\` or \`.json\` there, or the one that \`--config\` names, says otherwise; \`millrace init\` writes
one with what is found. A wrong configuration never starts: the server lists all problems at once, each with its key and what was expected.

## What is found without a file

The tools are named after what runs them. Programs that are not on the PATH are left out, with a line in the log. Tests come first; what
does not end by itself (\`start\`, \`dev\`, \`serve\`, \`watch\`, …) comes last. Tools reach the public internet
and no service of this machine ([\`network\`](sandbox.md#network): \`"internet"\`). What does not end by itself or deploys, and Maven and Gradle,
which obey no proxy, have the whole network of this machine. If your tests need a database on this machine, let \`millrace init\` write a file, and
name the database there: \`"network": ["localhost:5432", "registry.npmjs.org:443"]\`.

| in the directory | tools |
| --- | --- |
| \`package.json\` | its scripts, without those npm calls by itself: \`npm:test\`, or \`pnpm:\`, \`yarn:\`, \`bun:\` by \`packageManager\` or the lockfile, which may be further up in the repository |
| \`pyproject.toml\`, \`pytest.ini\`, \`setup.cfg\`, \`tox.ini\`, \`noxfile.py\` | \`python:pytest\`, \`python:unittest\`, \`python:tox\`, \`python:nox\`, through uv, Poetry, PDM or Pipenv by the lockfile, else in \`.venv\` |
| \`go.mod\` | \`go:test\`, \`go:vet\`, \`go:build\` |
| \`Cargo.toml\` | \`cargo:test\`, \`cargo:check\`, \`cargo:build\` |
| \`pom.xml\`; \`build.gradle\`, \`settings.gradle\` (\`.kts\`) | \`mvn:test\`, \`mvn:verify\`, \`mvn:package\`; \`gradle:test\`, \`gradle:check\`, \`gradle:build\`; through \`mvnw\` and \`gradlew\` where they are |
| \`composer.json\` | its scripts: \`composer:test\` |
| \`justfile\`, \`Taskfile.yml\` | recipes and tasks that need no argument: \`just:test\`, \`task:test\` |
| \`Makefile\` | its targets: \`make:all\`. \`target: ## help\` gives the title |

## The file

\`millrace config --print\` shows the values that are in effect, and where each comes from. A flag wins over a variable of the
environment, a variable over the file, and the file over the default.

In TypeScript, \`satisfies ConfigFile\` (from \`@millrace/server\`) checks the file. For JSON, editors take the schema that ships
with the server:

\`\`\`json
{
  "$schema": "./node_modules/@millrace/server/config.schema.json",
  "projects": { "web": { "path": "../web" } }
}
\`\`\`

\`millrace config --schema\` prints where the schema of the installed server is.
`

const notes: Record<string, string> = {
  projects: 'At least one. The id is the key: 1–100 letters, digits, `.`, `_`, `-` or spaces.',
  tools: 'Named commands that jobs run. The id is the key.',
  agent: `Also any option of the agent SDK that is data, passed on as it is: ${agentOptions
    .filter((name) => descriptions[`agent.${name}`] === undefined)
    .map((name) => `\`${name}\``)
    .join(', ')}.`,
}

function sectionOf(name: string, all: readonly ConfigKey[]): string {
  const keys = all.filter(({ path }) => path === name || path.startsWith(`${name}.`))
  const note = notes[name] === undefined ? '' : `${notes[name]}\n\n`
  const rows = keys.map(row).join('\n')
  return `## \`${name}\`\n\n${note}| key | value | unit | default | meaning |\n| --- | --- | --- | --- | --- |\n${rows}\n`
}

function row(key: ConfigKey): string {
  const description = descriptions[key.path]
  const shown = `${description?.text ?? ''} Example: ${code(description?.example)}`
  const unset =
    description?.default ?? (key.required ? '*required*' : key.default === undefined ? '' : code(key.default))
  return `| ${[`\`${key.path}\``, valuesOf(key), unitOf(key.path), unset, shown.trim()].map(cell).join(' | ')} |`
}

/** No number is larger, so that one says nothing. */
function valuesOf({ expected }: ConfigKey): string {
  return expected.replace(` to ${Number.MAX_SAFE_INTEGER}`, ' upwards')
}

/** A name ends in its unit. */
function unitOf(path: string): string {
  const name = path.split('.').at(-1) ?? ''
  const units: [RegExp, string][] = [
    [/seconds$/i, 'seconds'],
    [/(?:^ms|Ms)$/, 'milliseconds'],
    [/bytes$/i, 'bytes'],
    [/perMinute$/i, 'per minute'],
    [/days$/i, 'days'],
    [/usd$/i, 'US dollars'],
  ]
  return units.find(([pattern]) => pattern.test(name))?.[1] ?? ''
}

function code(value: unknown): string {
  return value === undefined ? '' : `\`${JSON.stringify(value)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

const settings = `## Flags and environment

| flag of \`serve\` | variable | key | default | meaning |
| --- | --- | --- | --- | --- |
| \`--config\` | \`MILLRACE_CONFIG\` | | \`millrace.config.{ts,js,json}\` | the configuration file |
| \`--data\` | \`MILLRACE_DATA\` | | \`$XDG_STATE_HOME/millrace/<folder>-<hash>\` | the data directory, outside every project |
| \`--store\` | \`MILLRACE_STORE\` | \`store.url\` | the embedded store | the address of a Postgres database |
| \`--role\` | \`MILLRACE_ROLE\` | \`store.role\` | \`all\` | what this node does, of several: \`all\`, \`web\` or \`worker\` |
| | \`MILLRACE_REDIS\` | \`wakeups.redisUrl\` | the database | the address of a Redis that carries wake-ups of several nodes |
| \`--host\` | \`MILLRACE_HOST\` | \`http.host\` | \`127.0.0.1\` | the address to listen on |
| \`--port\` | \`MILLRACE_PORT\` | \`http.port\` | \`4000\` | the port to listen on |
| | \`MILLRACE_TOKEN\` | | none | an admin's token given from outside, for scripts and containers; the token that commands send |
| | \`MILLRACE_URL\` | | the server of this directory | the server that commands talk to |
| | \`ANTHROPIC_API_KEY\` | | none | the key of the model that agent sessions use |
| | \`ANTHROPIC_BASE_URL\` | | \`https://api.anthropic.com\` | where that model's API is |
| | \`LOG_LEVEL\` | | \`info\` | \`fatal\`, \`error\`, \`warn\`, \`info\`, \`debug\`, \`trace\` or \`silent\` |

An empty variable counts as unset.
`
