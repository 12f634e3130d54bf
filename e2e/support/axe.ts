/** Looks a page over as a tool for people with disabilities would meet it. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

interface Violation {
  id: string
  impact: string
  nodes: { target: string[]; failureSummary: string }[]
}

const options = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  // A row that scrolls below the navigation is no small target.
  rules: { 'target-size': { enabled: false } },
  // Describing what is right takes longer than finding what is wrong.
  resultTypes: ['violations'],
  // No rule that runs reads sheets or media by itself.
  preload: false,
}

/** What axe calls serious or critical, with the elements. Empty: nothing. */
export async function seriousProblems(page: Page): Promise<string[]> {
  // As the debugger evaluates it, since the page's content policy lets no other script run.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  const violations = await page.evaluate<Violation[]>(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  )
  return violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    )
}
