/** Looks a page over as a tool for people with disabilities would meet it. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

interface Result {
  violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[]
}

/** What axe calls serious or critical, with the elements. Empty: nothing. */
export async function seriousProblems(page: Page): Promise<string[]> {
  // As the debugger evaluates it, since the page's content policy lets no other script run.
  await page.evaluate(axe.source)
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
  // A row that scrolls below the navigation is no small target.
  const rules = { 'target-size': { enabled: false } }
  const { violations } = await page.evaluate<Result>(
    `axe.run(document, ${JSON.stringify({ runOnly: tags, rules })})`,
  )
  return violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    )
}
