/** What the real SDK process is recorded doing: one script of the model for each thing that the translator meets. */
import type { ScriptedModelOptions, Step } from '@millrace/scripted-model'
import type { AgentSettings } from '#config/config'

export interface Scenario {
  steps: Step[]
  model?: Partial<ScriptedModelOptions>
  /** One after the other. Default: "Go". */
  prompts?: readonly string[]
  agent?: AgentSettings
  iterations?: number
  env?: Record<string, string>
  /** The project is a git repository with one file, tracked.txt. */
  repository?: boolean
  /** Interrupts the agent at the first message of which this holds. */
  interruptAt?(message: Record<string, unknown>): boolean
  interruptAfterMs?: number
}

type Block = Extract<Step['reply'], { content: unknown }>['content'][number]

const text = (words: string | string[]): Block => ({ type: 'text', text: words })
const thinking = (words: string | string[]): Block => ({ type: 'thinking', thinking: words })
const use = (name: string, input: Record<string, unknown>): Block => ({
  type: 'tool_use',
  name,
  input: input as never,
})
const plan = (goal: string, phases: Record<string, 'pending' | 'active' | 'complete'>): Block =>
  use('mcp__millrace__plan', {
    goal,
    phases: Object.entries(phases).map(([name, status]) => ({ name, status })),
  })
const step = (turn: number, ...content: Block[]): Step => ({
  when: { turn },
  reply: { content, usage: { input_tokens: 100, output_tokens: 20, cache_read_input_tokens: 7 } },
})
const noRetries = { CLAUDE_CODE_MAX_RETRIES: '0' }

export const scenarios = {
  plain: { steps: [step(1, text(['Hello', ' there']))] },

  plan: {
    steps: [
      step(
        1,
        thinking(['Two', ' phases.']),
        text('I plan first.'),
        plan('The greeting is there', { Look: 'active', Write: 'pending' }),
      ),
      step(2, use('Bash', { command: 'ls' })),
      step(3, plan('The greeting is there', { Look: 'complete', Write: 'active' })),
      step(4, use('Write', { file_path: '{{cwd}}/greeting.txt', content: 'Hello\n' })),
      step(
        5,
        use('Edit', { file_path: '{{cwd}}/greeting.txt', old_string: 'Hello', new_string: 'Good day' }),
      ),
      step(6, plan('The greeting is there', { Look: 'complete', Write: 'complete' })),
      step(7, text('It is there.')),
    ],
  },

  'a plan of the wrong form': {
    steps: [step(1, use('mcp__millrace__plan', { goal: 'No phases' })), step(2, text('So be it.'))],
  },

  'parallel tools': {
    steps: [
      step(1, use('Bash', { command: 'sleep 0.3; echo one' }), use('Bash', { command: 'echo two' })),
      step(2, text('Both are done.')),
    ],
  },

  subagent: {
    steps: [
      {
        when: { prompt: 'Count the files' },
        reply: { content: [thinking('I count.'), text('I look.'), use('Bash', { command: 'ls | wc -l' })] },
        times: 1,
      },
      {
        when: { prompt: 'Count the files' },
        reply: { content: [text('There are none.')], usage: { input_tokens: 50, output_tokens: 5 } },
      },
      {
        when: { turn: 1 },
        reply: {
          content: [
            use('Agent', {
              description: 'Count files',
              prompt: 'Count the files',
              subagent_type: 'general-purpose',
            }),
          ],
          usage: { input_tokens: 100, output_tokens: 20 },
        },
      },
      step(2, text('No files.')),
    ],
  },

  'changes of a subagent': {
    steps: [
      ...[
        use('Write', { file_path: '{{cwd}}/sub.txt', content: 'a\nb\n' }),
        use('Edit', { file_path: '{{cwd}}/sub.txt', old_string: 'b', new_string: 'B' }),
        use('Bash', { command: 'echo c >> sub.txt' }),
      ].map((call) => ({ when: { prompt: 'Help' }, reply: { content: [call] }, times: 1 })),
      { when: { prompt: 'Help' }, reply: { content: [text('Done.')] } },
      step(1, use('Agent', { description: 'Help', prompt: 'Help', subagent_type: 'general-purpose' })),
      step(2, text('Done.')),
    ],
    repository: true,
  },

  'changes by the shell': {
    steps: [
      step(1, use('Bash', { command: 'sed -i s/two/2/ tracked.txt; echo new > new.txt' })),
      step(2, use('Bash', { command: 'rm tracked.txt; mv new.txt moved.txt' })),
      step(3, text('Done.')),
    ],
    repository: true,
  },

  'a denial of the policy': {
    steps: [step(1, use('Bash', { command: 'rm -rf /' })), step(2, text('I see.'))],
  },

  'a denial of a person': {
    steps: [step(1, use('Write', { file_path: '{{cwd}}/a.txt', content: 'a' })), step(2, text('I see.'))],
  },

  'a tool that fails': {
    steps: [
      step(1, use('Bash', { command: 'echo oh; exit 3' })),
      step(2, use('Read', { file_path: '{{cwd}}/none.txt' })),
      step(3, use('Nonesuch', { a: 1 })),
      step(4, text('Three failures.')),
    ],
  },

  'an error of the API': {
    steps: [{ reply: { error: 'permission_error', message: 'Not this model' } }],
    env: noRetries,
  },

  'an overloaded model': {
    steps: [
      { times: 2, reply: { error: 'overloaded_error', retryAfterSeconds: 0 } },
      step(1, text('Here I am.')),
    ],
  },

  'a stream that breaks': {
    steps: [
      {
        times: 1,
        reply: { content: [text(['ha', 'lf'])], trouble: { kind: 'error', afterEvents: 4 } },
      },
      step(1, text('The whole answer.')),
    ],
  },

  compaction: {
    steps: [
      step(1, text('Noted.')),
      {
        when: { text: 'summary' },
        reply: { content: [text('<summary>All that was said.</summary>')] },
      },
      { reply: { content: [text('I continue.')] } },
    ],
    prompts: ['Go', '/compact', 'Continue'],
    agent: { verbatimPrompts: false },
  },

  'an interrupt while a tool runs': {
    steps: [step(1, use('Bash', { command: 'sleep 30.25' })), step(2, text('Never said.'))],
    interruptAt: ({ type }) => type === 'assistant',
    interruptAfterMs: 1000,
  },

  'an interrupt while the model writes': {
    steps: [{ reply: { content: [{ ...text(['A long', ' story']), pauseMs: 1500 } as Block] } }],
    interruptAt: ({ event }) => (event as { type?: unknown } | undefined)?.type === 'content_block_delta',
  },

  'too many turns': {
    steps: [{ reply: { content: [use('Bash', { command: 'true' })] } }],
    iterations: 2,
  },

  'over budget': {
    steps: [
      {
        reply: {
          content: [use('Bash', { command: 'true' })],
          usage: { input_tokens: 10, output_tokens: 100_000 },
        },
      },
    ],
    agent: { maxBudgetUsd: 0.5 },
  },

  'a refusal': {
    steps: [{ reply: { content: [text('I will not.')], stop_reason: 'refusal' } }],
  },

  'an answer that is too long': {
    steps: [{ reply: { content: [text('And')], stop_reason: 'max_tokens' } }],
  },

  'an answer that fills the context': {
    steps: [{ reply: { content: [text('And')], stop_reason: 'model_context_window_exceeded' } }],
  },

  'a prompt that is too long': {
    steps: [
      {
        reply: {
          error: 'invalid_request_error',
          message: 'prompt is too long: 210000 tokens > 200000 maximum',
        },
      },
    ],
  },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof scenarios
