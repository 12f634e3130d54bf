/** What is said of a key of the configuration. */
export interface Description {
  text: string
  /** Checked against the schema. */
  example: unknown
  /** In words, where it is not in the schema. */
  default?: string
}
