/** What the scene is made of: the tools of its jobs, the lines of its model, the events of its import. */
import type { Script } from '@millrace/scripted-model'

const text = (words: string) => ({ type: 'text' as const, text: words })
type Json = string | number | boolean | null | Json[] | { [name: string]: Json }
const call = (name: string, input: Record<string, Json>) => ({ type: 'tool_use' as const, name, input })
/** An answer, and what it cost. */
const reply = (...content: (ReturnType<typeof text> | ReturnType<typeof call>)[]) => ({
  content,
  usage: { input_tokens: 5_200, output_tokens: 640, cache_read_input_tokens: 18_400 },
})
const bash = (lines: string) => ({ command: ['bash', '-c', lines] })

export const tools = {
  build: bash(`
    echo '::group::Install'; for name in react vite typescript; do echo "added $name"; done; echo '::endgroup::'
    for i in $(seq 1 60); do
      printf '\\033[32m✓\\033[0m transformed src/module-%d.ts \\033[2m%d ms\\033[0m\\n' $i $((i % 9 + 2))
    done
    printf '\\033[1mdist/index.js\\033[0m  \\033[36m144.56 kB\\033[0m\\n\\033[32mbuilt in 2.31 s\\033[0m\\n'`),
  test: bash(`
    echo '::group::Install'; for name in react vite typescript; do echo "added $name"; done; echo '::endgroup::'
    for i in $(seq 1 40); do 
      printf '\\033[32m ✓\\033[0m test/orders/case-%d.test.ts \\033[2m%d ms\\033[0m\\n' $i $((i % 9 + 2))
    done
    printf '\\033[31m ✗ test/checkout/tax.test.ts\\033[0m\\n   expected 108.1, received 116.2\\n'; exit 1`),
  'import-catalogue': bash(`
    for i in $(seq 1 360); do echo "imported $((i * 250)) of 90,000 articles"; sleep 1; done`),
  lint: bash('echo checked 412 files; echo no problems'),
}

/** The file that the session mends. */
export const taxFile = `import type { Order } from './order.ts'
import { rateOf } from './rates.ts'

/** What an order costs, with its tax. */
export function totalOf(order: Order): number {
  const net = order.items.reduce((sum, { price, count }) => sum + price * count, 0)
  const tax = net * rateOf(order.country)
  return round(net + tax + order.shipping * (1 + rateOf(order.country)) + tax)
}

const round = (amount: number) => Math.round(amount * 100) / 100
`
const mended = taxFile.replace(' + tax)', ')').replace('with its tax.', 'with its tax, which is added once.')

const choices = {
  questions: [
    {
      question: 'Which database should the orders move to?',
      header: 'Database',
      multiSelect: false,
      options: [
        { label: 'Postgres', description: 'What production has already' },
        { label: 'SQLite', description: 'One file, no server' },
      ],
    },
    {
      question: 'What has to be migrated?',
      header: 'Data',
      multiSelect: true,
      options: [
        { label: 'Orders', description: '1.2 million rows' },
        { label: 'Customers', description: '310,000 rows' },
        { label: 'Audit log', description: 'Only the last year' },
      ],
    },
  ],
}

const cause = `The tax is added **twice**: once as \`tax\` after the net sum, and again at the end of line 8.

| part | should be | is |
| --- | --- | --- |
| net | 100.00 | 100.00 |
| tax | 8.10 | **16.20** |

I drop the second one, and write down why:`
const summary = `The **tests pass**. A Swiss order over CHF 100.00 now costs CHF 108.10, as the receipt says:

\`\`\`ts
expect(totalOf(swissOrder)).toBe(108.1)
\`\`\`

1. \`src/checkout/tax.ts\` adds the tax once.
2. \`test/checkout/tax.test.js\` holds that for every country.`

export const script: Script = {
  name: 'a morning',
  steps: [
    {
      when: { turn: 1, prompt: 'Move the orders' },
      reply: reply(
        text('Before I plan the migration, two things only you can decide.'),
        call('AskUserQuestion', choices),
      ),
    },
    {
      when: { turn: 1, prompt: { regex: 'Swiss|Norwegian' } },
      reply: reply(
        text('I will look at how the total of an order is computed.'),
        call('Bash', { command: 'cat src/checkout/tax.ts', description: 'Read the tax code' }),
      ),
    },
    {
      when: { toolResult: { text: 'rateOf(order.country)) + tax' } },
      reply: reply(text(cause), call('Write', { file_path: 'src/checkout/tax.ts', content: mended })),
    },
    {
      when: { toolResult: { tool: 'Write' } },
      reply: reply(
        text('Now the tests.'),
        call('Bash', {
          command: '$(command -v node) --test test/checkout/*.test.js',
          description: 'Run the tests of the checkout',
        }),
      ),
    },
    { when: { toolResult: {} }, reply: reply(text(summary)) },
  ],
}

const phases = ['Read the catalogues', 'Match the articles', 'Write the prices'].map((name, index) => ({
  id: `p${index}`,
  name,
  status: 'pending',
}))
const phase = (index: number) => ({ phaseId: `p${index}`, phaseName: phases[index]?.name })
const say = (messageId: string, words: string) => ({ type: 'text:delta', data: { messageId, text: words } })
const tool = { toolCallId: 'read', toolName: 'read_catalogue' }

export const importEvents = [
  { type: 'plan:created', data: { plan: { goal: 'Every supplier’s prices are in the shop', phases } } },
  { type: 'phase:start', data: { ...phase(0), phaseIndex: 0 } },
  say('one', 'Three catalogues arrived overnight: **Ahrens**, **Bolt & Sons**, **Castor**.'),
  {
    type: 'tool:start',
    data: { ...tool, params: { path: '/var/imports/2026-11-28/ahrens/catalogue.csv' } },
  },
  { type: 'tool:complete', data: { ...tool, result: '90,112 rows, 14 without a price', status: 'ok' } },
  { type: 'phase:complete', data: phase(0) },
  { type: 'phase:start', data: { ...phase(1), phaseIndex: 1 } },
  say(
    'two',
    'Articles are matched by their GTIN, then by name. So far:\n\n- 61,004 by GTIN\n- 1,870 by name\n- 14 need a person',
  ),
]
