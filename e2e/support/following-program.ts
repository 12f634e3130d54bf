/**
 * A program of the bundled client's that runs wherever JavaScript does: it follows a run to its end, and says what it
 * saw. At event `half` it makes a call, so that whoever watches its requests knows how far it is. As text: no tool of
 * this repository may make something else of it.
 */
export const followingProgram = `
import { ClientError, createClient } from './client.js'

export async function followToEnd({ url, token, runId, half }) {
  const client = createClient({ url, token })
  const seqs = []
  const texts = []
  const statuses = []
  const onStatus = (status) => statuses.push(status)
  const backoff = { firstMs: 5, maxMs: 50 }
  for await (const { seq, type, data } of client.follow(runId, { onStatus, backoff, attempts: 1000 })) {
    seqs.push(seq)
    if (type === 'said') texts.push(data.text)
    // The connection may be cut under it: that is what this test does.
    if (seq === half) await client.get(runId).catch(() => {})
  }
  const stranger = createClient({ url, token: 'mr_token_nonsense' })
  const refusal = await stranger
    .get(runId)
    .catch((error) => (error instanceof ClientError ? error.code : error))
  return { seqs, texts, statuses, state: (await client.get(runId)).state, refusal }
}
`
