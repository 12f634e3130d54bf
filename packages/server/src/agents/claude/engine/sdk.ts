/** The agent SDK, loaded when it is first needed: a server that runs no sessions does without its 60 ms. */
export type Sdk = typeof import('@anthropic-ai/claude-agent-sdk')

export function loadSdk(): Promise<Sdk> {
  return import('@anthropic-ai/claude-agent-sdk')
}
