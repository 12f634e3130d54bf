/** How the agent differs from a well-behaved one that can resume: its arguments. */
export type Trait =
  /** Never answers. */
  | 'silent'
  /** Exits at once. */
  | 'exits'
  /** Can load a conversation, with a replay, and not resume it. */
  | 'loads'
  /** Can do neither. */
  | 'forgets'
  /** Wants a login first. */
  | 'locked'
  /** Speaks another version. */
  | 'newer'
  /** Has no modes. */
  | 'modeless'
  /** Ignores that a turn is cancelled. */
  | 'stubborn'

export function readTraits(args: readonly string[]): ReadonlySet<Trait> {
  return new Set(args as Trait[])
}
