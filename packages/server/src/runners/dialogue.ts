/** What people say to the agent of a run. */
import type { Dialogue } from '#agents/agent'

/** For a run that nobody can talk to. */
export const silence: Dialogue = {
  nextTurn: async () => null,
  joining: async () => [],
  delivered: async () => {},
}
