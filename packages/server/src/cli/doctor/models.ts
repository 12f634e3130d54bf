/** Checks the models of executions: is there a key, does the server of a local model answer, is there a price? */
import { messageOf } from '@millrace/protocol'
import { providers, requestable, resolveModel } from '#agents/ai-sdk/model/entry'
import type { Config, ModelSettings } from '#config/config'
import type { Check } from './check.ts'

/** A model server on the same machine answers much sooner. */
const answerMsMax = 3000

/** Every entry of `models`, and the providers that have a key of their own. Asks no model anything. */
export async function checkModels(
  { models = new Map() }: Pick<Config, 'models'>,
  env: NodeJS.ProcessEnv,
): Promise<Check[]> {
  const entries = Object.fromEntries(models)
  const checks = await Promise.all(
    [...models].map(([name, entry]) =>
      checkEntry(name, entry, resolveModel(requestable(name, entry), entries, env)),
    ),
  )
  const ready = providers.filter(
    (provider) =>
      provider !== 'openai-compatible' && typeof resolveModel(`${provider}:any`, entries, env) !== 'string',
  )
  const known = ready.length === 0 ? 'no provider has a key' : `keys are set for ${ready.join(', ')}`
  return [
    ...checks.flat(),
    {
      name: 'models',
      status: 'info',
      detail: `executions with models other than Claude: ${known}. Claude: ${budgetOfClaude([...models.values()])}`,
    },
  ]
}

function budgetOfClaude(models: readonly ModelSettings[]): string {
  const isPriced = models.some(({ provider, price }) => provider === 'anthropic' && price !== undefined)
  return isPriced
    ? 'the gateway enforces the budget, at the configured price'
    : 'no entry for anthropic has a price, so the agent SDK checks the budget after each answer, and executions cannot have a limit in dollars'
}

async function checkEntry(
  name: string,
  { provider, baseUrl }: ModelSettings,
  resolved: ReturnType<typeof resolveModel>,
): Promise<Check[]> {
  const about = (status: Check['status'], detail: string): Check => ({
    name: 'models',
    status,
    detail: `${name}: ${detail}`,
  })
  if (typeof resolved === 'string') return [about('warn', resolved)]
  const unpriced = resolved.price === null ? '; no price is set, so its cost is unknown' : ''
  if (provider !== 'openai-compatible' || baseUrl === undefined) {
    return [about('ok', `the key for ${provider} is set${unpriced}`)]
  }
  const problem = await problemAt(baseUrl, resolved.apiKey)
  return [
    problem === null ? about('ok', `${baseUrl} answers${unpriced}`) : about('warn', `${baseUrl} ${problem}`),
  ]
}

/** Asks for the list of models, which costs nothing. Null: there is none. */
async function problemAt(baseUrl: string, apiKey: string | undefined): Promise<string | null> {
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/models`, {
      signal: AbortSignal.timeout(answerMsMax),
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    })
    await response.body?.cancel()
    // Not every server has this route; one that answers is there.
    return [401, 403].includes(response.status) ? `refuses the key (status ${response.status})` : null
  } catch (error) {
    const { cause = error } = error as { cause?: unknown }
    return `does not answer: ${messageOf(cause)}`
  }
}
