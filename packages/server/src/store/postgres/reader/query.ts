/** Asks one statement, and resolves with its rows. */
export type Query = <Row>(
  statement: { name: string; text: string } | { text: string },
  values: readonly unknown[],
) => Promise<Row[]>
