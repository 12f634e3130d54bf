/** How a letter travels as a notification: whole where there is room, else by its key in `letters`. */

import type { Client } from '#store/postgres/connection'
import type { Query } from '#store/postgres/reader/query'
import type { Letter } from '#store/store'

/** A payload has less than 8,000 bytes. */
const payloadBytesMax = 7900
const everybody = '*'

/** Sends it; whoever is named, or everybody else, hears. */
export async function sendLetter(
  client: Client,
  channel: string,
  { from, to, text }: Letter & { to: string | null },
): Promise<void> {
  const head = `${from} ${to ?? everybody}`
  const payload = `${head} ${text}`
  if (Buffer.byteLength(payload) <= payloadBytesMax) {
    await client.query({ name: 'notify', text: 'SELECT pg_notify($1, $2)', values: [channel, payload] })
  } else await client.query({ ...sendLong, values: [channel, head, text] })
}

/** The notification arrives after the commit: its row is there. */
const sendLong = {
  name: 'send letter',
  text: `WITH l AS (INSERT INTO letters (sent_at, text) VALUES (clock_timestamp(), $3) RETURNING n),
      d AS (DELETE FROM letters WHERE sent_at < clock_timestamp() - interval '1 minute')
    SELECT pg_notify($1, $2 || ' @' || n) FROM l`,
}

const readLong = { name: 'read letter', text: 'SELECT text FROM letters WHERE n = $1' }

/** Returns the letter that a notification stands for; null: it is for another node, or its text is gone. */
export function readLetter(
  payload: string,
  node: string,
  query: Query,
): Letter | null | Promise<Letter | null> {
  const [from = '', to] = payload.split(' ', 2)
  const text = payload.slice(from.length + (to?.length ?? 0) + 2)
  if (from === node || (to !== everybody && to !== node)) return null
  // Texts are JSON, which begins with no such sign.
  if (!text.startsWith('@')) return { from, text }
  return query<{ text: string }>(readLong, [Number(text.slice(1))]).then(([row]) =>
    row === undefined ? null : { from, text: row.text },
  )
}
