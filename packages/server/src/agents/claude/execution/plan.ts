/**
 * The tool by which an agent shows its plan. The SDK's own task tools do not serve: `TodoWrite` is gone, and
 * the tools that replaced it are off by default, know no goal, and take a call for each item. Ours runs in the
 * server and does nothing but answer: what counts is the call, which the translator reads from the messages.
 */
import type { Options } from '@anthropic-ai/claude-agent-sdk'
import { z } from 'zod'
import type { Sdk } from '../engine/sdk.ts'

const serverName = 'millrace'
/** The tool as the model and the gate know it. */
export const planTool = `mcp__${serverName}__plan`

const phasesMax = 30
const textCharsMax = 500

const input = {
  goal: z
    .string()
    .min(1)
    .max(textCharsMax)
    .describe('What will be true when the task is done, in one sentence'),
  phases: z
    .array(
      z.object({
        name: z
          .string()
          .min(1)
          .max(textCharsMax)
          .describe('A few words that say what happens in this phase. A phase keeps its name for good'),
        status: z
          .enum(['pending', 'active', 'complete'])
          .describe('active: you work on it now. At most one phase is active'),
      }),
    )
    .min(1)
    .max(phasesMax)
    .describe('All phases in their order, also those that are complete'),
}

const description = [
  'Shows your plan to the people who follow your work. Call it before anything else, with your goal and all phases,',
  'the first of them active. Call it again whenever a phase is done (that phase complete, the next one active) and',
  'whenever the plan changes, always with the whole plan. It changes nothing else.',
].join(' ')

/** Goes into the system prompt. */
export const planInstructions = [
  `People follow your work as a plan with phases. Before anything else, call ${planTool} with the goal and with two`,
  'to seven phases (one is enough for a task of a single step), the first of them active. As soon as a phase is done,',
  'call it again with that phase complete and the next one active, and only then begin the next. One phase is active',
  'at a time. If the plan turns out to be wrong, change it in the same way. Complete the last phase before you give',
  'your final answer. Subagents do not plan.',
].join(' ')

export function planServer({ createSdkMcpServer, tool }: Sdk): NonNullable<Options['mcpServers']> {
  const answer = async () => ({ content: [{ type: 'text' as const, text: 'The plan is shown.' }] })
  const plan = tool('plan', description, input, answer)
  return { [serverName]: createSdkMcpServer({ name: serverName, tools: [plan], alwaysLoad: true }) }
}
